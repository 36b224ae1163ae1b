import type { HttpRequest } from "./HttpTransport.ts";

/**
 * May a request be sent again if its connection ended before a byte of the reply came? A server closes a connection that
 * idles at a moment of its own choice, so that says nothing about the server; but what is not idempotent (RFC 9110, section
 * 9.2.2) could be done twice.
 */
export function isRepeatable({ method }: HttpRequest): boolean {
  return method === "GET" || method === "PUT";
}
