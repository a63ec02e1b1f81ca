package io.nearkv.core;

import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * What one reader has seen and written so far: whoever reads through it sees its own writes, and never goes back in time, whichever edge answers, also from one edge to the next and from
 * one process to the next. It carries no data, only a {@link Position}, which is handed on as a short text.
 *
 * <pre>{@code
 * KvSession session = KvSession.begin();
 * session.over(edgeA).namespace("users").put("anna", "1");
 * session.over(edgeB).namespace("users").getString("anna");    // "1", at once
 * String token = session.token();                              // for another process: KvSession.resume(token)
 * }</pre>
 *
 * <p>Thread-safe; what several threads do in one session is seen by all of them.
 */
public final class KvSession {
    private final AtomicReference<@Nullable Position> seen = new AtomicReference<>();

    private KvSession() {}

    /** Returns a session that has seen nothing yet. */
    public static KvSession begin() {
        return new KvSession();
    }

    /**
     * Returns a session that has seen what another one had when it gave out this token.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if the token is malformed
     */
    public static KvSession resume(String token) {
        KvSession session = new KvSession();
        if (!token.isEmpty()) {
            session.saw(Position.parse(token));
        }
        return session;
    }

    /** Returns what the session has seen, as {@link #resume} takes it; empty while it has seen nothing. */
    public String token() {
        Position position = seen.get();
        return position == null ? "" : position.toString();
    }

    /** Returns what the session has seen, or null while it has seen nothing. */
    public @Nullable Position position() {
        return seen.get();
    }

    /** Returns a store whose reads and writes are of this session; it takes the tier below over. Reads that ask for {@link ReadOptions.Consistency#EVENTUAL} become reads of the session. */
    public Kv over(Kv kv) {
        return Kv.over(over(kv.store()), kv.account());
    }

    /** Returns a tier whose reads and writes are of this session; see {@link #over(Kv)}. */
    public KvStore over(KvStore store) {
        return new SessionStore(store, this);
    }

    /** Notes that the session has seen everything up to a position. */
    public void saw(Position position) {
        // If it is of another history: the old one is gone, and nothing of it can be seen any more.
        var unused = seen.updateAndGet(before -> before == null ? position : before.and(position));
    }

    /** Returns the options of a read of this session. */
    ReadOptions reads(KvStore store, ReadOptions options) {
        if (options.consistency() != ReadOptions.Consistency.EVENTUAL) {
            return options;
        }
        Position position = seen.get();
        if (position == null) {
            try {
                // It covers nothing, and makes the answer tell how far its tier is, also where a key is missing.
                position = store.positionOf(0);
            } catch (KvException e) {
                return options; // Nobody has been asked anything yet, so there is nothing to go back behind.
            }
        }
        return options.withSession(position);
    }

    /** Returns the text form of what was seen. */
    @Override
    public String toString() {
        return "KvSession[" + token() + "]";
    }
}
