// One way to the service: relative addresses, and errors that say what to do.
import { taken } from "./early";
import { failed, signed, worked } from "./health";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly position?: number,
  ) {
    super(message);
  }
}

async function send(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await (taken(path) ?? fetch(`api/v1/${path}`, init));
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    failed();
    throw new ApiError(0, "The service does not answer.");
  }
  if (response.status === 502 || response.status === 504) failed();
  else worked();
  if (response.status === 401) signed(true);
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response: Response): Promise<ApiError> {
  let message = `The service answered ${response.status}.`;
  let position: number | undefined;
  try {
    const body = (await response.json()) as { message?: string; detail?: unknown; position?: number };
    if (typeof body.message === "string") message = body.message;
    else if (typeof body.detail === "string") message = body.detail;
    if (typeof body.position === "number") position = body.position;
  } catch {
    message = `The service answered ${response.status} ${response.statusText}, without saying why.`;
  }
  return position === undefined
    ? new ApiError(response.status, message)
    : new ApiError(response.status, message, position);
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await send(path, signal ? { signal } : {})).json()) as T;
}

export async function postJson<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return (await (await send(path, post(body, signal))).json()) as T;
}

export async function patchJson<T>(path: string, body: unknown): Promise<T> {
  return (await (await send(path, { ...post(body), method: "PATCH" })).json()) as T;
}

export async function getBytes(path: string, signal?: AbortSignal): Promise<ArrayBuffer> {
  return (await send(path, signal ? { signal } : {})).arrayBuffer();
}

export async function postBytes(path: string, body: unknown, signal?: AbortSignal): Promise<ArrayBuffer> {
  return (await send(path, post(body, signal))).arrayBuffer();
}

function post(body: unknown, signal?: AbortSignal): RequestInit {
  const init: RequestInit = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  if (signal) init.signal = signal;
  return init;
}

/** Trades the service's token for a cookie. */
export async function signIn(token: string): Promise<void> {
  const response = await fetch("login", { method: "POST", headers: { Authorization: `Bearer ${token}` } });
  if (!response.ok) throw await refusal(response);
  signed(false);
}
