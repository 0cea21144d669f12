// Microphone and speaker: the choice is kept on this machine; a meter shows that the microphone hears.
import { useCallback, useEffect, useState } from "react";

const KEY = "attendance.devices";

export interface DeviceChoice {
  microphone?: string;
  speaker?: string;
}

export function deviceChoice(): DeviceChoice {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as DeviceChoice;
  } catch {
    return {};
  }
}

export function keepDeviceChoice(choice: DeviceChoice): void {
  localStorage.setItem(KEY, JSON.stringify(choice));
}

/** A browser only shows the microphone to a page on https or on this machine. */
export function canUseMicrophone(): boolean {
  return navigator.mediaDevices !== undefined;
}

export function canChooseSpeaker(): boolean {
  return "setSinkId" in HTMLMediaElement.prototype;
}

export type MeterState = "idle" | "asking" | "live" | "denied" | "missing";

/** Opens the microphone while `deviceId` is watched and tells its level, 0 to 1. */
export function useMicrophone() {
  const [state, setState] = useState<MeterState>("idle");
  const [level, setLevel] = useState(0);
  const [devices, setDevices] = useState<MediaDeviceInfo[]>([]);
  const [stream, setStream] = useState<MediaStream | null>(null);

  const list = useCallback(async () => {
    if (canUseMicrophone()) setDevices(await navigator.mediaDevices.enumerateDevices());
  }, []);

  const open = useCallback(
    async (deviceId?: string) => {
      if (!canUseMicrophone()) return setState("missing");
      setState("asking");
      try {
        const audio = deviceId ? { deviceId: { ideal: deviceId } } : true;
        setStream(await navigator.mediaDevices.getUserMedia({ audio }));
        setState("live");
        await list();
      } catch (error) {
        const name = error instanceof DOMException ? error.name : "";
        setState(name === "NotAllowedError" ? "denied" : "missing");
      }
    },
    [list],
  );

  useEffect(() => {
    void list();
    if (!canUseMicrophone()) return;
    const onChange = () => void list();
    navigator.mediaDevices.addEventListener("devicechange", onChange);
    return () => navigator.mediaDevices.removeEventListener("devicechange", onChange);
  }, [list]);

  useEffect(() => {
    if (!stream) return;
    const stopMeter = meter(stream, setLevel);
    return () => {
      stopMeter();
      for (const track of stream.getTracks()) track.stop();
    };
  }, [stream]);

  return { state, level, devices, open };
}

function meter(stream: MediaStream, tell: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const rms = Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length);
    const decibels = 20 * Math.log10(Math.max(rms, 1e-5)); // speech is at about −35 to −15 dBFS
    tell(Math.min(1, Math.max(0, (decibels + 55) / 45)));
  }, 80);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
