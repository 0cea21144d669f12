import { describe, expect, it } from "vitest";

import { clock, day, initials, moment, money, phone, span } from "./format";

const NOW = Date.parse("2026-11-22T12:00:00Z");
const ago = (s: number) => new Date(NOW - s * 1000).toISOString();
const plain = (text: string) => text.replace(/\u00a0|\u202f/g, " ");

describe("times", () => {
  it.each([
    [0, "0:00"],
    [134.9, "2:14"],
    [3600 + 74, "1:01:14"],
    [-5, "0:00"],
  ])("a clock of %d s reads %s", (s, text) => expect(clock(s)).toBe(text));

  it("are relative under an hour and absolute beyond", () => {
    expect(moment(ago(10), NOW, "pt-BR")).toBe("agora");
    expect(moment(ago(300), NOW, "pt-BR")).toMatch(/^há 5 min/);
    expect(moment(ago(7200), NOW, "pt-BR")).toMatch(/^\d\d:\d\d$/);
    expect(moment(ago(86_400 * 3), NOW, "pt-BR")).toMatch(/nov/);
    expect(moment("not a date", NOW, "pt-BR")).toBe("");
  });

  it("are short in lists", () => {
    expect(plain(span(42, "pt-BR"))).toBe("42 s");
    expect(plain(span(190, "pt-BR"))).toBe("3 min");
    expect(plain(span(7300, "en"))).toBe("2 hr");
  });

  it("a bare date is that day in every zone", () => expect(day("2022-03-10", "pt-BR")).toContain("10"));
});

describe("phones", () => {
  it.each([
    ["+5511988887777", "+55 11 98888-7777"],
    ["551133334444", "+55 11 3333-4444"],
    ["(11) 98888-7777", "11 98888-7777"],
    ["sip:+5511988887777@trunk.example", "+55 11 98888-7777"],
    ["sip:ana@example.com", "ana"],
    ["+14155550100", "+14155550100"],
    ["1000", "1000"],
  ])("%s reads %s", (raw, text) => expect(phone(raw)).toBe(text));
});

describe("money and names", () => {
  it("is in the customer's currency", () => {
    expect(plain(money("5000.00", "pt-BR"))).toBe("R$ 5.000,00");
    expect(money("?", "pt-BR")).toBe("?");
  });
  it("initials are of the first and last name", () => {
    expect(initials("João da Silva")).toBe("JS");
    expect(initials("Ana")).toBe("A");
    expect(initials("+55 11")).toBe("");
  });
});
