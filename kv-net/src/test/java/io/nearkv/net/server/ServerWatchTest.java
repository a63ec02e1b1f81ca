package io.nearkv.net.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.AccountId;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.Key;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.net.protocol.EntryCodec;
import io.nearkv.net.protocol.FeedCodec;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.server.RawConnection.Answer;
import io.nearkv.net.wire.Wire;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Watches over the wire: in order, within the credit, and nobody else's. */
class ServerWatchTest extends WithServer {
    private Wire.WatchRequest.Builder fromOldest(int credits) {
        return Wire.WatchRequest.newBuilder().setOldest(true).setCredits(credits);
    }

    private void write(NamespaceId namespace, String key) {
        test().map
                .write(namespace, Mutation.put(Key.of(key), Value.of("v")), WriteOptions.DEFAULT)
                .join()
                .orThrow();
    }

    private static List<FeedEvent> events(RawConnection connection, int id) throws IOException {
        Answer answer = connection.read(FrameType.EVENTS);
        assertThat(answer.id()).isEqualTo(id);
        return answer.read((in, frame) -> Frames.parse(Wire.Events.parser(), in, frame).getEventsList().stream()
                .map(FeedCodec::fromWire)
                .toList());
    }

    /** Reads events until so many changes have come. */
    private static List<String> keys(RawConnection connection, int id, int count) throws IOException {
        List<String> keys = new ArrayList<>();
        while (keys.size() < count) {
            for (FeedEvent event : events(connection, id)) {
                if (event instanceof FeedEvent.Change change) {
                    keys.add(String.valueOf(change.key()));
                }
            }
        }
        return keys;
    }

    @Test
    void changes_come_in_order_and_stop_where_the_credit_ends() throws IOException {
        start();
        for (int i = 0; i < 10; i++) {
            write(ns(), "k" + i);
        }
        try (RawConnection connection = login()) {
            connection.send(Requests.watch(
                    3, fromOldest(4).setNamespace(EntryCodec.toWire(ns())).build()));
            assertThat(keys(connection, 3, 4)).containsExactly("k0", "k1", "k2", "k3");
            connection.send(Requests.ping(1)).read(FrameType.PONG);
            connection.send(Requests.credit(3, 3));
            assertThat(keys(connection, 3, 3)).containsExactly("k4", "k5", "k6");
            connection.send(Requests.credit(3, 1000));
            assertThat(keys(connection, 3, 3)).containsExactly("k7", "k8", "k9");
            write(ns(), "new");
            assertThat(keys(connection, 3, 1)).containsExactly("new");
        }
    }

    @Test
    void a_watch_that_is_cancelled_says_so_and_frees_its_id() throws IOException {
        start();
        try (RawConnection connection = login()) {
            for (int round = 0; round < 3; round++) {
                connection.send(Requests.watch(3, fromOldest(100).build()), Requests.cancel(3));
                Answer answer = connection.read(FrameType.EVENTS);
                while (answer.flags() != FrameType.FLAG_END) {
                    answer = connection.read(FrameType.EVENTS);
                }
                connection.send(Requests.get(3, ns(), "k")).read(FrameType.MISSING);
            }
        }
        assertThat(test().server.stats().count("watch", "ok")).isEqualTo(3);
    }

    @Test
    void many_changes_go_in_few_frames() throws IOException {
        start();
        int count = 5000;
        for (int i = 0; i < count; i++) {
            write(ns(), "k" + i);
        }
        try (RawConnection connection = login()) {
            connection.send(Requests.watch(3, fromOldest(1_000_000).build()));
            int frames = 0;
            int changes = 0;
            while (changes < count) {
                frames++;
                for (FeedEvent event : events(connection, 3)) {
                    if (event instanceof FeedEvent.Change change) {
                        assertThat(change.key()).isEqualTo(Key.of("k" + changes));
                        changes++;
                    }
                }
            }
            assertThat(frames).isLessThan(count / 5);
        }
    }

    @Test
    void a_watch_of_the_account_leaves_out_the_namespaces_of_others() throws IOException {
        for (GatedStore.Mode mode : List.of(GatedStore.Mode.AT_ONCE, GatedStore.Mode.LATER)) {
            use(TestServer.start(folder.resolve(mode.name()))).store.mode(mode);
            AccountId other = test().map.admin().createAccount("other").join().id();
            NamespaceId foreign =
                    test().map.admin().createNamespace(other, "theirs").join().id();
            NamespaceId second = test().map
                    .admin()
                    .createNamespace(test().account, "second")
                    .join()
                    .id();
            for (int i = 0; i < 100; i++) {
                write(foreign, "secret" + i);
                write(i % 2 == 0 ? ns() : second, "own" + i);
            }
            try (RawConnection connection = login()) {
                connection.send(Requests.watch(3, fromOldest(100).build()));
                List<String> keys = keys(connection, 3, 100);
                assertThat(keys).hasSize(100).allMatch(key -> key.startsWith("own"));
                assertThat(keys.get(99)).isEqualTo("own99");
            }
            everything_is_given_back();
        }
    }

    @Test
    void the_end_of_a_namespace_is_told() throws IOException {
        start();
        NamespaceId doomed = test().map
                .admin()
                .createNamespace(test().account, "doomed")
                .join()
                .id();
        try (RawConnection connection = login()) {
            connection.send(Requests.watch(
                    3, Wire.WatchRequest.newBuilder().setCredits(100).build()));
            events(connection, 3);
            test().map.admin().deleteNamespace(doomed).join();
            assertThat(keys(connection, 3, 1)).containsExactly("null");
        }
    }
}
