import { type AnnouncementKind, type Announcements, announcement } from "../channel/messages.ts";

declare const self: ServiceWorkerGlobalScope;

/**
 * Tells all pages of the origin, those too that this worker does not control yet.
 * @returns how many they are
 */
export async function announce<Kind extends AnnouncementKind>(
  kind: Kind,
  content: Announcements[Kind],
): Promise<number> {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  for (const page of pages) page.postMessage(announcement(kind, content));
  return pages.length;
}
