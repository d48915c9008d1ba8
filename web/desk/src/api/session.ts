/** Logging in and out, one's own password and second factor. */
import { get, post, remove } from "./client";
import type { Session } from "./types";

export interface TotpStart {
  secret: string;
  uri: string;
}

export const current = (): Promise<Session> => get<Session>("/api/v1/session");

export const logIn = (name: string, password: string, totp?: string): Promise<Session> =>
  post<Session>("/api/v1/session", totp === undefined ? { name, password } : { name, password, totp });

export const logOut = (): Promise<void> => remove("/api/v1/session");
export const logOutEverywhere = (): Promise<void> => remove("/api/v1/session/all");
export const changePassword = (old: string, fresh: string): Promise<void> =>
  post("/api/v1/session/password", { old, new: fresh });

export const startTotp = (): Promise<TotpStart> => post<TotpStart>("/api/v1/session/totp/start");
export const confirmTotp = (secret: string, code: string): Promise<void> =>
  post("/api/v1/session/totp/confirm", { secret, code });
export const removeTotp = (password: string): Promise<void> => post("/api/v1/session/totp/remove", { password });
