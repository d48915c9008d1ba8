/** What the browser says of itself, so that nobody has to be asked for it. */
import type { Profile } from "./types";

const MOST_CHARACTERS = 300;

interface BrowserHints {
  readonly platform?: string;
  getHighEntropyValues?(names: string[]): Promise<{ model?: string; platform?: string; platformVersion?: string }>;
}
interface NetworkHints {
  readonly type?: string;
  readonly effectiveType?: string;
}

export async function readProfile(): Promise<Profile> {
  const hints = (navigator as { userAgentData?: BrowserHints }).userAgentData;
  const network = (navigator as { connection?: NetworkHints }).connection;
  const device = await hints?.getHighEntropyValues?.(["model", "platformVersion"]).catch(() => undefined);
  const found: Profile = {
    // The part after "?" may hold what is nobody's business.
    page_url: location.origin + location.pathname,
    page_title: document.title,
    language: navigator.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    screen: `${screen.width}x${screen.height}@${devicePixelRatio}`,
    browser: navigator.userAgent,
    device_model: device?.model ?? "",
    system_version: device === undefined ? "" : `${device.platform ?? ""} ${device.platformVersion ?? ""}`.trim(),
    network_kind: network?.type ?? network?.effectiveType ?? "",
  };
  const said = Object.entries(found).filter(([, value]) => value !== "");
  return Object.fromEntries(said.map(([name, value]) => [name, value.slice(0, MOST_CHARACTERS)]));
}
