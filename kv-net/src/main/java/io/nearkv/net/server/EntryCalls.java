package io.nearkv.net.server;

import io.nearkv.core.BatchResult;
import io.nearkv.core.Cursor;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.Limits;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.WriteOptions;
import io.nearkv.net.protocol.BodyReader;
import io.nearkv.net.protocol.BodyWriter;
import io.nearkv.net.protocol.EntryCodec;
import io.nearkv.net.protocol.OptionsCodec;
import io.nearkv.net.wire.Wire;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The calls on the entries of a namespace. Stateless. */
final class EntryCalls {
    private EntryCalls() {}

    /** Returns how the call is carried out; throws 403 if the grant does not cover it, 400 if it is malformed. */
    static Call.Plan plan(Session session, SessionGuard.Namespace namespace, Wire.CallHeader header, Duration timeout) {
        SessionGuard guard = session.guard();
        KvStore store = session.store();
        NamespaceId id = namespace.id();
        int millis = header.getTimeoutMillis();
        switch (header.getCallCase()) {
            case GET_ALL -> {
                guard.requireRead(namespace);
                return new BulkGet(
                        store,
                        id,
                        OptionsCodec.fromWire(header.getGetAll().getOptions(), millis, Limits.DEFAULT_TIMEOUT),
                        header.getGetAll().getVersionsOnly());
            }
            case WRITE_ALL -> {
                guard.requireWrite(namespace);
                return new BulkWrite(
                        store,
                        id,
                        OptionsCodec.fromWire(header.getWriteAll().getDurability(), millis, Limits.DEFAULT_TIMEOUT),
                        false);
            }
            case BATCH -> {
                guard.requireWrite(namespace);
                return new BulkWrite(
                        store,
                        id,
                        OptionsCodec.fromWire(header.getBatch().getDurability(), millis, Limits.DEFAULT_TIMEOUT),
                        true);
            }
            case LIST -> {
                guard.requireRead(namespace);
                ListOptions list = EntryCodec.fromWire(header.getList());
                ReadOptions options =
                        OptionsCodec.fromWire(header.getList().getOptions(), millis, Limits.DEFAULT_TIMEOUT);
                return new NoItems(() -> Call.Work.of(store.list(id, list, options), EntryCalls::reply));
            }
            default -> {
                guard.requireAdmin(id);
                return CatalogueCalls.planForNamespace(store, id, header);
            }
        }
    }

    private static BodyWriter reply(ListPage page) {
        Cursor next = page.next();
        return BodyWriter.ofItems(
                Wire.ReplyHeader.newBuilder()
                        .setList(Wire.ListReply.newBuilder().setNextCursor(next == null ? "" : next.toString()))
                        .build(),
                page.keys(),
                EntryCodec::toWire);
    }

    /** A call whose header says it all. */
    record NoItems(java.util.function.Supplier<Call.Work<?>> work) implements Call.Plan {
        @Override
        public void receive(BodyReader<Wire.CallHeader> body) {
            body.items(Wire.KeyItem.parser(), item -> {
                throw new KvException(ErrorCode.INVALID_REQUEST, "this call has no items");
            });
        }

        @Override
        public Call.Work<?> begin(Duration timeout) {
            return work.get();
        }
    }

    private static KvException tooMany(String what, int max) {
        return new KvException(ErrorCode.TOO_LARGE, "more than " + max + " " + what + " (expected: at most that)");
    }

    private static final class BulkGet implements Call.Plan {
        private final KvStore store;
        private final NamespaceId namespace;
        private final ReadOptions options;
        private final boolean versionsOnly;
        private final List<Key> keys = new ArrayList<>();

        BulkGet(KvStore store, NamespaceId namespace, ReadOptions options, boolean versionsOnly) {
            this.store = store;
            this.namespace = namespace;
            this.options = options;
            this.versionsOnly = versionsOnly;
        }

        @Override
        public void receive(BodyReader<Wire.CallHeader> body) {
            body.items(Wire.KeyItem.parser(), item -> {
                if (keys.size() == Limits.MAX_BULK_GET_KEYS) {
                    throw tooMany("keys", Limits.MAX_BULK_GET_KEYS);
                }
                keys.add(EntryCodec.fromWire(item));
            });
        }

        @Override
        public Call.Work<?> begin(Duration timeout) {
            if (versionsOnly) {
                return Call.Work.of(
                        store.versions(namespace, keys, options),
                        versions -> BodyWriter.of(
                                Wire.ReplyHeader.getDefaultInstance(), versions, EntryCodec::versionToWire));
            }
            return Call.Work.of(
                    store.getAll(namespace, keys, options),
                    results -> BodyWriter.of(Wire.ReplyHeader.getDefaultInstance(), results, EntryCodec::toWire));
        }
    }

    private static final class BulkWrite implements Call.Plan {
        private final KvStore store;
        private final NamespaceId namespace;
        private final WriteOptions options;
        private final boolean atomic;
        private final List<Mutation> mutations = new ArrayList<>();

        BulkWrite(KvStore store, NamespaceId namespace, WriteOptions options, boolean atomic) {
            this.store = store;
            this.namespace = namespace;
            this.options = options;
            this.atomic = atomic;
        }

        @Override
        public void receive(BodyReader<Wire.CallHeader> body) {
            body.items(Wire.MutationItem.parser(), item -> {
                if (mutations.size() == Limits.MAX_BATCH_OPERATIONS) {
                    throw tooMany("mutations", Limits.MAX_BATCH_OPERATIONS);
                }
                mutations.add(EntryCodec.fromWire(item));
            });
        }

        @Override
        public Call.Work<?> begin(Duration timeout) {
            if (atomic) {
                return new Call.Work<BatchResult>(
                        store.batch(namespace, mutations, options),
                        result -> BodyWriter.of(Wire.ReplyHeader.newBuilder()
                                .setBatch(EntryCodec.toWire(result))
                                .build()),
                        result -> result.applied() ? Counters.OK : Counters.CONDITION_FAILED,
                        null);
            }
            return Call.Work.of(
                    store.writeAll(namespace, mutations, options),
                    results -> BodyWriter.of(Wire.ReplyHeader.getDefaultInstance(), results, EntryCodec::toWire));
        }
    }
}
