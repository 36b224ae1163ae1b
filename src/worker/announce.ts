import { type AnnouncementKind, type Announcements, announcement } from "../channel/messages.ts";

declare const self: ServiceWorkerGlobalScope;

/** Tells all pages of the origin, those too that this worker does not control yet. */
export async function announce<Kind extends AnnouncementKind>(kind: Kind, content: Announcements[Kind]): Promise<void> {
  for (const client of await self.clients.matchAll({ type: "window", includeUncontrolled: true })) {
    client.postMessage(announcement(kind, content));
  }
}
