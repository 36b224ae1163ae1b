/** What the WebAssembly module offers (`rust/src/lib.rs`): pointers and lengths are byte offsets in its memory. */
export interface TlsExports {
  readonly memory: WebAssembly.Memory;
  pin_new(): number;
  session_new(pin: number): number;
  session_free(session: number): void;
  session_room(session: number, length: number): number;
  session_receive(session: number): number;
  session_sending_room(session: number, length: number): number;
  session_send(session: number): number;
  session_outgoing(session: number): number;
  session_outgoing_length(session: number): number;
  session_outgoing_clear(session: number): void;
  session_received(session: number): number;
  session_received_length(session: number): number;
  session_received_clear(session: number): void;
  session_words(session: number): number;
  session_words_length(session: number): number;
}
