// Live regions: what a screen reader says of arrivals and results.
type Urgency = "polite" | "assertive";

function region(urgency: Urgency): HTMLElement {
  const id = `announce-${urgency}`;
  const known = document.getElementById(id);
  if (known) return known;
  const made = document.createElement("div");
  made.id = id;
  made.className = "sr-only";
  made.setAttribute("aria-live", urgency);
  made.setAttribute("role", urgency === "polite" ? "status" : "alert");
  document.body.append(made);
  return made;
}

export function announce(text: string, urgency: Urgency = "polite"): void {
  const place = region(urgency);
  place.textContent = ""; // the same words twice are told twice
  setTimeout(() => (place.textContent = text), 50);
}
