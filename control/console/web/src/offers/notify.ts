// Desktop notification of an incoming call: one at a time, gone with the offer.

let shown: Notification | null = null;

export function askToNotify(): void {
  if ("Notification" in window && Notification.permission === "default") void Notification.requestPermission();
}

export function notify(title: string, body: string, onClick: () => void): void {
  unnotify();
  if (!("Notification" in window) || Notification.permission !== "granted" || document.hasFocus()) return;
  try {
    shown = new Notification(title, { body, tag: "attendance-offer", requireInteraction: true, silent: true });
    shown.onclick = () => {
      window.focus();
      onClick();
      unnotify();
    };
  } catch {
    shown = null; // some mobile browsers only notify from a service worker: the page still rings
  }
}

export function unnotify(): void {
  shown?.close();
  shown = null;
}
