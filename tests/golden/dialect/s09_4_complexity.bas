IF complexidade > threshold THEN
TRANSFER TO HUMAN "suporte técnico"
END IF
