package io.nearkv.core;

/**
 * Marks the threads on which a tier completes its futures: the writer of the engine, the event loops of client and server. Their {@link Thread} classes implement
 * it, and the blocking face refuses to wait on such a thread, because the answer that it would wait for comes from there.
 */
public interface IoThread {}
