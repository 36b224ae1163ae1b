/** The reason with which work is called off that nobody waits for. One object for all: making one is slow, and nobody looks at its stack. */
export const noLongerWanted = new DOMException("No longer wanted", "AbortError");
