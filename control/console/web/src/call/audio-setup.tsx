// Microphone and speaker: choice, a level that moves, a test sound.
import { Button, NativeSelect } from "@mantine/core";
import { IconMicrophone, IconVolume } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { applyDevices } from "./control";
import { canChooseSpeaker, deviceChoice, useMicrophone } from "./devices";
import { playTestSound } from "./test-sound";

export function AudioSetup({ autoTest = false }: { autoTest?: boolean }) {
  const { t } = useTranslation();
  const [choice, setChoice] = useState(deviceChoice);
  const [heard, setHeard] = useState(false);
  const { state, level, devices, open } = useMicrophone();
  const options = (kind: MediaDeviceKind) => [
    { value: "", label: t("audio.default") },
    ...devices
      .filter((device) => device.kind === kind && device.label && device.deviceId !== "default")
      .map((device) => ({ value: device.deviceId, label: device.label })),
  ];
  useEffect(() => {
    if (autoTest) void open(choice.microphone);
  }, [autoTest, choice.microphone, open]);
  useEffect(() => {
    if (level > 0.45) setHeard(true);
  }, [level]);
  const pick = (part: "microphone" | "speaker", id: string) => {
    const next = { ...choice, [part]: id };
    if (!id) delete next[part];
    setChoice(next);
    void applyDevices(next);
    if (part === "microphone" && state === "live") void open(id);
  };
  return (
    <div className="audio-setup">
      <NativeSelect
        label={t("audio.microphone")}
        data={options("audioinput")}
        value={choice.microphone ?? ""}
        onChange={(event) => pick("microphone", event.currentTarget.value)}
      />
      {state === "live" ? (
        <div>
          <div
            className="meter"
            role="meter"
            aria-label={t("audio.level")}
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuenow={Math.round(level * 100)}
            data-testid="mic-level"
          >
            <span style={{ transform: `scaleX(${level})` }} />
          </div>
          <p className="meta" role="status">
            {t(heard ? "audio.good" : "audio.speak")}
          </p>
        </div>
      ) : (
        <div>
          <Button
            variant="default"
            leftSection={<IconMicrophone size={16} />}
            onClick={() => void open(choice.microphone)}
            loading={state === "asking"}
            data-testid="mic-test"
          >
            {t("audio.test")}
          </Button>
          {state !== "idle" && (
            <p className={state === "asking" ? "meta gap" : "problem gap"} role="status">
              {t(`audio.${state}`)}
            </p>
          )}
        </div>
      )}
      {canChooseSpeaker() && options("audiooutput").length > 1 && (
        <NativeSelect
          label={t("audio.speaker")}
          data={options("audiooutput")}
          value={choice.speaker ?? ""}
          onChange={(event) => pick("speaker", event.currentTarget.value)}
        />
      )}
      <Button
        variant="subtle"
        className="start"
        leftSection={<IconVolume size={16} />}
        onClick={() => void playTestSound(choice.speaker)}
      >
        {t("audio.sound")}
      </Button>
    </div>
  );
}
