/** An invented gateway for working on the pages: `npm run dev:desk` needs nothing else. Never part of a build. */
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { resolve } from "node:path";
import type { Plugin } from "vite";
import { answer, type Asked } from "./routes.ts";

export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob:; media-src 'self' blob:; " +
  "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

async function handle(request: IncomingMessage, response: ServerResponse, next: () => void): Promise<void> {
  const url = new URL(request.url ?? "/", "http://desk");
  if (!url.pathname.startsWith("/api/")) return next();
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const asked: Asked = {
    method: request.method ?? "GET",
    path: url.pathname,
    query: url.searchParams,
    slot: String(request.headers["x-desk-slot"] ?? "1"),
    body: parse(Buffer.concat(chunks)),
  };
  const told = answer(asked);
  response.statusCode = told.status;
  response.setHeader("Content-Type", "application/json; charset=utf-8");
  response.end(told.status === 204 ? undefined : JSON.stringify(told.body));
}

function parse(body: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(body.toString("utf8")) as Record<string, unknown>;
  } catch {
    return {};
  }
}

export function mockGateway(): Plugin {
  return {
    name: "frontline-invented-gateway",
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        if (request.url?.startsWith("/desk/")) request.url = "/index.html";
        void handle(request, response, next);
      });
    },
    configurePreviewServer(server) {
      server.middlewares.use((request, response, next) => {
        if (request.url?.startsWith("/desk/") === true) {
          // What is built is looked at under the policy it will live with.
          void readFile(resolve(import.meta.dirname, "../../dist/desk/index.html")).then((page) => {
            response.setHeader("Content-Type", "text/html; charset=utf-8");
            response.setHeader("Content-Security-Policy", POLICY);
            response.end(page);
          });
          return;
        }
        void handle(request, response, next);
      });
    },
  };
}
