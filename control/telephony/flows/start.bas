' start.bas: o fluxo padrão de quem liga. Cumprimenta, ouve, encaminha para uma pessoa.
' As frases fixas são constantes, para serem gravadas antes; só o nome do cliente é falado na hora.

' Sem o cadastro a ligação segue do mesmo jeito.
ON ERROR RESUME NEXT
customer = FIND "customers", "phone='" + session.phone + "'"
ON ERROR GOTO 0

IF customer FOUND THEN
    SET SESSION "customer_name", customer.name
    SET SESSION "customer_tier", customer.tier
    SET SESSION "customer_lifetime_value", customer.ltv
    IF customer.name FOUND THEN
        TALK "Olá, " + FIRST(customer.name) + "!"
    ELSE
        TALK "Olá! Obrigado por ligar."
    END IF
ELSE
    TALK "Olá! Obrigado por ligar."
END IF

tentativas = 0
assunto = ""

DO
    IF tentativas = 0 THEN
        TALK "Você pode dizer vendas, suporte, ou diga o que precisa. Para falar com um atendente, digite zero ou diga atendente."
    END IF

    HEAR opcao AS "1:vendas|comprar", "2:suporte|suporte técnico|problema técnico", "0:atendente|atendimento|pessoa|humano|alguém", TEXT

    SWITCH opcao
        CASE "vendas"
            CALL transferir("vendas", "")
        CASE "suporte"
            CALL transferir("suporte", "")
        CASE "atendente"
            CALL transferir("", assunto)
        DEFAULT
            IF opcao LIKE "%falar com%" THEN CALL transferir("", opcao)
            IF sentiment.score < -0.5 OR intent = "escalate" THEN
                CALL transferir("suporte", "Tentativas=" + tentativas + ", Sentimento=negativo")
            END IF
            tentativas = tentativas + 1
            IF tentativas >= 3 THEN
                TALK "Vou chamar alguém para ajudar você."
                CALL transferir("", "Tentativas=3. " + assunto)
            END IF
            IF opcao NOT FOUND THEN
                TALK "Não ouvi você. Diga vendas, suporte ou atendente."
            ELSEIF heard.via = "digits" THEN
                TALK "Essa opção não existe. Diga vendas, suporte ou atendente."
            ELSE
                assunto = opcao
                SET SESSION "topic", assunto
                TALK "Entendi. Posso chamar um atendente para ajudar com isso. Quer falar com um atendente?"
                HEAR resposta AS "1:sim|quero|pode|claro|por favor|isso|ok|atendente", "2:não|agora não|depois", TEXT
                IF resposta = "sim" THEN
                    CALL transferir("", assunto)
                ELSEIF resposta = "não" THEN
                    TALK "Tudo bem. Diga vendas, suporte, ou diga o que precisa."
                ELSE
                    tentativas = tentativas + 1
                    IF tentativas >= 3 THEN
                        TALK "Vou chamar alguém para ajudar você."
                        CALL transferir("", "Tentativas=3. " + assunto)
                    END IF
                    IF resposta FOUND THEN assunto = assunto + ". " + resposta
                    TALK "Para falar com um atendente, digite zero. Ou diga vendas ou suporte."
                END IF
            END IF
    END SWITCH
LOOP

' Encaminha para uma fila (vazia: a fila geral). Quem liga nunca fica sem resposta: se não deu certo, ouve o porquê.
SUB transferir(fila, motivo)
    DIM resultado
    ON ERROR RESUME NEXT
    TALK "Um momento, vou transferir você para um atendente."
    IF customer.tier = "premium" THEN
        resultado = TRANSFER TO HUMAN (fila, "high", "Cliente premium")
    ELSEIF motivo LIKE "%Sentimento=negativo" THEN
        resultado = TRANSFER TO HUMAN (fila, "high", motivo)
    ELSE
        resultado = TRANSFER TO HUMAN (fila, "normal", motivo)
    END IF
    IF resultado.success THEN EXIT
    TALK "No momento não consegui transferir você. Por favor, ligue novamente em alguns minutos."
    HANG UP
END SUB
