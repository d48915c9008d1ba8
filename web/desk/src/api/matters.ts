/** What stands around a ticket: fields, compensation, files, links, followers, many tickets at once. */
import { get, patch, post, put, remove } from "./client";
import type { Attachment, Page, TicketBrief, TicketState } from "./types";

export type Cause = "platform" | "user" | "third_party";
export type FileAccess = "staff" | "team" | "supervisors";
export type CompensationKind = "membership_days" | "coupon" | "refund" | "other";
export type CompensationState = "waiting" | "approved" | "refused" | "withdrawn";
export type FieldKind = "text" | "number" | "choice" | "date" | "link";
export type LinkKind = "related" | "duplicate" | "caused_by" | "appeal";

export const CAUSES: readonly Cause[] = ["platform", "user", "third_party"];
export const ACCESSES: readonly FileAccess[] = ["staff", "team", "supervisors"];
export const COMPENSATION_KINDS: readonly CompensationKind[] = ["membership_days", "coupon", "refund", "other"];
export const LINK_KINDS: readonly LinkKind[] = ["related", "duplicate", "caused_by", "appeal"];

export interface TicketField {
  key: string;
  label: string;
  kind: FieldKind;
  mask: "text" | "account" | "phone";
  group: string;
  custom: boolean;
  choices: string[];
  categories: string[];
  required: boolean;
  shown: boolean;
  position: number;
  disabled: boolean;
}

export interface TicketFile extends Attachment {
  description: string | null;
  access: FileAccess;
  open: boolean;
  by: string;
  by_name: string | null;
  at: string;
}

export interface InvolvedPerson {
  id: string;
  name: string;
  first_at: string;
  last_at: string;
  did: string[];
}

export interface TicketLink {
  id: string | null;
  kind: string;
  kind_text: string;
  serial: string;
  title: string;
  state: TicketState;
  state_text: string;
}

export interface Compensation {
  id: string;
  kind: CompensationKind;
  kind_text: string;
  amount: number;
  text: string;
  reason: string;
  state: CompensationState;
  state_text: string;
  asked_by: string;
  asked_name: string;
  asked_at: string;
  decided_name: string | null;
  decided_at: string | null;
  decision: string | null;
  may_decide: boolean;
  may_withdraw: boolean;
}

/** What the detail of a ticket carries beside the ticket itself. */
export interface TicketMatter {
  cause: Cause | null;
  cause_text: string | null;
  result_reason: string | null;
  alternative: string | null;
  follow_up_team_id: string | null;
  follow_up_at: string | null;
  promised_at: string | null;
  next_step_kind: string | null;
  next_step_told: boolean;
  next_step_by_name: string | null;
  created_by_name: string | null;
  snoozed_until: string | null;
  tags: string[];
  source: string | null;
  source_url: string | null;
  source_text: string | null;
  field_list: TicketField[];
  fields_missing: string[];
  files: TicketFile[];
  people: InvolvedPerson[];
  followers: { id: string; name: string }[];
  following: boolean;
  links: TicketLink[];
  compensations: Compensation[];
}

export interface WorkRules {
  limits: Record<string, Record<CompensationKind, number>>;
  step_hours: Record<string, number>;
  mine: Record<CompensationKind, number>;
}

export interface BulkWish {
  serials: string[];
  category_id?: string;
  priority?: number;
  team_id?: string;
  assignee_id?: string | null;
  tags_add?: string[];
  tags_remove?: string[];
  snooze_until?: string;
}

export interface BulkResult {
  serial: string;
  ok: boolean;
  error: { code: string; message: string } | null;
}

const ticket = (serial: string): string => `/api/v1/tickets/${encodeURIComponent(serial)}`;
const part = (path: string, id: string): string => `${path}/${encodeURIComponent(id)}`;

export const bulk = async (wish: BulkWish): Promise<BulkResult[]> => (await post<Page<BulkResult>>("/api/v1/tickets/bulk", wish)).items;
export const tagWords = async (start: string): Promise<string[]> => (await get<Page<string>>("/api/v1/tickets/tags", { q: start })).items;

export const follow = (serial: string, isOn: boolean): Promise<void> =>
  isOn ? post(`${ticket(serial)}/follow`) : remove(`${ticket(serial)}/follow`);
export const snooze = (serial: string, until: string, reason: string): Promise<void> => post(`${ticket(serial)}/snooze`, { until, reason });
export const wake = (serial: string): Promise<void> => remove(`${ticket(serial)}/snooze`);
export const split = (serial: string, messageIds: string[], title: string, teamId: string): Promise<TicketBrief> =>
  post(`${ticket(serial)}/split`, { message_ids: messageIds, title, ...(teamId === "" ? {} : { team_id: teamId }) });
export const merge = (serial: string, into: string): Promise<TicketBrief> => post(`${ticket(serial)}/merge`, { serial: into });
export const link = (serial: string, other: string, kind: LinkKind): Promise<void> => post(`${ticket(serial)}/links`, { other, kind });
export const unlink = (serial: string, id: string): Promise<void> => remove(part(`${ticket(serial)}/links`, id));

export const putFile = (serial: string, attachmentId: string, description: string, access: FileAccess): Promise<void> =>
  post(`${ticket(serial)}/files`, { attachment_id: attachmentId, description, access });
export const changeFile = (serial: string, id: string, change: { description?: string; access?: FileAccess }): Promise<void> =>
  patch(part(`${ticket(serial)}/files`, id), change);

export interface CompensationWish {
  kind: CompensationKind;
  amount: number;
  reason: string;
  what?: string;
}
export const askCompensation = (serial: string, wish: CompensationWish): Promise<Compensation> =>
  post(`${ticket(serial)}/compensations`, wish);
export const decideCompensation = (id: string, approve: boolean, words: string): Promise<Compensation> =>
  post(`${part("/api/v1/compensations", id)}/decide`, { approve, words });
export const withdrawCompensation = (id: string): Promise<void> => remove(part("/api/v1/compensations", id));
export const waitingCompensations = async (): Promise<(Compensation & { ticket: TicketBrief })[]> =>
  (await get<Page<Compensation & { ticket: TicketBrief }>>("/api/v1/compensations")).items;

export interface FieldWish {
  name: string;
  kind: FieldKind;
  choices: string[];
  categories: string[];
  required: boolean;
  shown: boolean;
}
export const fields = async (): Promise<TicketField[]> => (await get<Page<TicketField>>("/api/v1/ticket-fields")).items;
export const addField = (wish: FieldWish): Promise<TicketField> => post("/api/v1/ticket-fields", wish);
export const changeField = (key: string, change: Partial<Omit<FieldWish, "kind">> & { disabled?: boolean }): Promise<TicketField> =>
  patch(part("/api/v1/ticket-fields", key), change);
export const rules = (): Promise<WorkRules> => get<WorkRules>("/api/v1/work-rules");
export const saveRules = (wish: Pick<WorkRules, "limits" | "step_hours">): Promise<WorkRules> => put("/api/v1/work-rules", wish);
