/** The form of a ticket by hand: what it holds, what is wrong with it, and how it goes over the wire. */
import type { NewTicket, Source } from "../api/intake";
import { fromInput, toInput } from "./when";

export interface IntakeForm {
  source: Source;
  receivedAt: string;
  sourceUrl: string;
  sourceText: string;
  name: string;
  phone: string;
  email: string;
  consent: boolean;
  title: string;
  description: string;
  category: string | null;
  priority: number;
  fields: Record<string, string>;
  take: boolean;
}

/** The facts that are asked for seldom; their names are those of the tickets' fields. */
export const FIELDS = [
  { key: "account", label: "intake.account" },
  { key: "device_model", label: "intake.device" },
  { key: "system_version", label: "intake.system" },
  { key: "app_version", label: "intake.app" },
  { key: "network_kind", label: "intake.network" },
  { key: "network_provider", label: "intake.provider" },
  { key: "city", label: "intake.city" },
] as const;

export function emptyIntake(now: Date): IntakeForm {
  return {
    source: "phone", receivedAt: toInput(now), sourceUrl: "", sourceText: "", name: "", phone: "", email: "", consent: false,
    title: "", description: "", category: null, priority: 3, fields: {}, take: true,
  };
}

/** Field → text id of what is wrong with it. */
export function faultsOf(form: IntakeForm, isUploading: boolean): Partial<Record<string, string>> {
  const hasContact = form.phone.trim() !== "" || form.email.trim() !== "";
  return {
    ...(form.title.trim() === "" ? { title: "intake.needTitle" } : {}),
    ...(form.sourceUrl.trim() !== "" && !/^https?:\/\/\S+$/i.test(form.sourceUrl.trim()) ? { sourceUrl: "intake.urlWrong" } : {}),
    ...(form.phone.trim() !== "" && !/^\+?[0-9 ()-]{5,24}$/.test(form.phone.trim()) ? { phone: "intake.phoneWrong" } : {}),
    ...(hasContact && !form.consent ? { consent: "intake.needConsent" } : {}),
    ...(isUploading ? { files: "intake.shotsBusy" } : {}),
  };
}

export function wireOf(form: IntakeForm, customerId: string | null, attachments: string[]): NewTicket {
  const fields = Object.fromEntries(Object.entries(form.fields).flatMap(([key, value]) => (value.trim() === "" ? [] : [[key, value.trim()]])));
  const given = (name: string, value: string | null): Record<string, string> => (value === null || value.trim() === "" ? {} : { [name]: value.trim() });
  const hasContact = form.phone.trim() !== "" || form.email.trim() !== "";
  return {
    title: form.title.trim(),
    description: form.description.trim(),
    channel_kind: form.source,
    priority: form.priority,
    take: form.take,
    ...given("source_url", form.sourceUrl),
    ...given("source_text", form.sourceText),
    ...given("category_id", form.category),
    ...(customerId === null ? given("customer_name", form.name) : { customer_id: customerId }),
    ...given("phone", form.phone),
    ...given("email", form.email),
    ...(hasContact ? { consent: form.consent } : {}),
    ...(Object.keys(fields).length === 0 ? {} : { fields }),
    ...(attachments.length === 0 ? {} : { attachments }),
    ...given("received_at", fromInput(form.receivedAt)),
  };
}
