' E-commerce
TRANSFER TO HUMAN "suporte"
' Vendas
IF lead = "quente" THEN
TRANSFER TO HUMAN "vendas", "high"
END IF
' Escalação
IF complexidade > threshold THEN TRANSFER TO HUMAN "técnico"
