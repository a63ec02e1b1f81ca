package io.nearkv.net.rest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.Key;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.identity.Permissions;
import io.nearkv.net.rest.EventStream.Event;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** The change feed as server-sent events: each change once and in order, also for who comes again, and never more than the client reads. */
@SuppressWarnings("try") // some connections are closed in the middle of a test, on purpose
class RestWatchTest extends WithRest {
    private EventStream watch(String query, String... headers) throws IOException {
        return EventStream.open(rig().connect(), request("GET", ns("/watch" + query), headers));
    }

    private static List<String> keys(List<Event> events) {
        return events.stream()
                .map(event -> event.data().replaceAll(".*\"key\":\"([^\"]*)\".*", "$1"))
                .toList();
    }

    @Test
    void changes_come_as_events_with_their_position() throws IOException {
        start();
        long put = store("a\n\ndata: x\"", "v");
        remove("a\n\ndata: x\"");
        try (EventStream events = watch("?from=oldest")) {
            List<Event> both = events.next(2);
            assertThat(both.get(0).type()).isEqualTo("put");
            assertThat(both.get(0).data()).isEqualTo("{\"key\":\"a\\n\\ndata: x\\\"\",\"version\":" + put + "}");
            assertThat(both.get(0).id()).matches("[0-9a-f]{16}-" + put);
            assertThat(both.get(1).type()).isEqualTo("delete");
            assertThat(both.get(1).id()).endsWith("-" + (put + 1));

            callWith("v", "PUT", value("b"));
            assertThat(keys(events.next(1))).containsExactly("b");
        }
        eventually().until(() -> rig().stats().watches() == 0);
    }

    @Test
    void without_a_start_only_what_comes_later_is_told() throws IOException {
        start();
        store("before", "v");
        for (String query : List.of("", "?from=now", "?from=")) {
            try (EventStream events = watch(query)) {
                assertThat(events.next().isHeartbeat()).isTrue();
                store("after", "v");
                assertThat(keys(events.next(1))).containsExactly("after");
            }
        }
    }

    @Test
    void who_comes_again_goes_on_where_it_was() throws IOException {
        start();
        List<String> seen = new ArrayList<>();
        String last = "";
        for (int round = 0; round < 5; round++) {
            for (int i = 0; i < 10; i++) {
                store("k" + (round * 10 + i), "v");
            }
            try (EventStream events =
                    last.isEmpty() ? watch("?from=oldest") : watch("?from=oldest", "Last-Event-ID: " + last)) {
                seen.addAll(keys(events.next(7)));
                last = events.lastId();
            }
        }
        try (EventStream events = watch("?from=" + last)) {
            seen.addAll(keys(events.next(15)));
        }
        assertThat(seen).hasSize(50).doesNotHaveDuplicates();
        assertThat(seen.get(49)).isEqualTo("k49");
    }

    @Test
    void a_heartbeat_is_an_id_that_one_can_go_on_from() throws IOException {
        start();
        long version = store("a", "v");
        String id;
        try (EventStream events = watch("")) {
            Event beat = events.next();
            assertThat(beat.isHeartbeat()).isTrue();
            id = beat.id();
            assertThat(id).endsWith("-" + version);
        }
        store("b", "v");
        try (EventStream events = watch("", "Last-Event-ID: " + id)) {
            assertThat(keys(events.next(1))).containsExactly("b");
        }
    }

    @Test
    void only_keys_with_the_prefix_are_told_and_no_other_namespace() throws IOException {
        start();
        NamespaceId other = rig().below
                .admin()
                .createNamespace(rig().account, "other")
                .join()
                .id();
        for (int i = 0; i < 10; i++) {
            store("a/" + i, "v");
            store("b/" + i, "v");
            rig().below
                    .write(other, Mutation.put(Key.of("a/secret" + i), Value.of("v")), WriteOptions.DEFAULT)
                    .join()
                    .orThrow();
        }
        try (EventStream events = watch("?from=oldest&prefix=a%2F")) {
            assertThat(keys(events.next(10))).allMatch(key -> key.matches("a/[0-9]"));
            store("a/end", "v");
            assertThat(keys(events.next(1))).containsExactly("a/end");
        }
    }

    @Test
    void a_position_that_is_not_kept_is_told_and_the_end() throws IOException {
        start();
        store("a", "v");
        try (EventStream events = watch("", "Last-Event-ID: 00c0ffee00c0ffee-1")) {
            List<Event> all = events.untilEnd();
            assertThat(all).hasSize(1);
            assertThat(all.get(0).type()).isEqualTo("too_old");
            assertThat(all.get(0).id()).isEmpty();
            assertThat(all.get(0).data()).matches("\\{\"oldest\":\"[0-9a-f]{16}-0\"}");

            // The answer has ended, not the connection.
            events.socket().send(request("GET", value("a")));
            assertThat(events.socket().read().text()).isEqualTo("v");
        }
    }

    @Test
    void what_cannot_be_watched_is_refused() throws IOException {
        start();
        for (String bad : List.of("garbage", "00c0ffee00c0ffee", "00c0ffee00c0ffee-x", "-1")) {
            assertThat(call("GET", ns("/watch?from=" + bad)).refusal()).isEqualTo("400 10001");
            assertThat(call("GET", ns("/watch"), "Last-Event-ID: " + bad).refusal())
                    .isEqualTo("400 10001");
        }
        assertThat(call("GET", ns("/watch?prefix=" + "p".repeat(513))).status()).isEqualTo(414);
        assertThat(call("POST", ns("/watch")).refusal()).isEqualTo("405 10405");
    }

    @Test
    void the_end_of_the_namespace_is_told() throws IOException {
        start();
        try (EventStream events = watch("")) {
            assertThat(events.next().isHeartbeat()).isTrue();
            assertThat(call("DELETE", ns("")).status()).isEqualTo(200);
            Event end = events.next(1).get(0);
            assertThat(end.type()).isEqualTo("namespace_deleted");
            assertThat(end.data()).doesNotContain("key");
        }
    }

    private static void expectCut(EventStream events) {
        assertThatThrownBy(events::untilEnd).isInstanceOfAny(EOFException.class, SocketException.class);
    }

    @Test
    void a_watch_ends_when_its_token_is_revoked_or_expires() throws IOException {
        start();
        String revoked = rig().token();
        String brief = rig().token(rig().account, Permissions.administrator(), Duration.ofMinutes(1));
        String node = rig().token();
        try (EventStream first = watch("", "Authorization: Bearer " + revoked);
                EventStream second = watch("", "Authorization: Bearer " + brief);
                EventStream third = watch("", "Authorization: Bearer " + node)) {
            for (EventStream each : List.of(first, second, third)) {
                assertThat(each.next().isHeartbeat()).isTrue();
            }
            rig().revoke(revoked);
            expectCut(first);
            rig().clock.advance(Duration.ofMinutes(1));
            expectCut(second);
            store("k", "v");
            assertThat(keys(third.next(1))).containsExactly("k");
        }
        assertThat(rig().stats().count("watch", "unauthorized")).isEqualTo(2);
    }

    @Test
    void a_drain_ends_watches_properly() throws IOException {
        start();
        try (EventStream events = watch("")) {
            assertThat(events.next().isHeartbeat()).isTrue();
            CompletableFuture<Boolean> drained =
                    CompletableFuture.supplyAsync(() -> rig().rest.drain(Duration.ofSeconds(10)));
            assertThat(events.untilEnd()).isEmpty();
            events.socket().expectEnd();
            events.close();
            assertThat(drained.join()).isTrue();
        }
    }

    @Test
    void a_client_that_does_not_read_is_sent_no_more_than_it_has_room_for() throws IOException {
        start();
        int count = 40_000;
        String key = "k".repeat(400);
        for (int i = 0; i < count; i++) {
            store(key + i, "");
        }
        long before = rig().stats().bytesWritten();
        try (EventStream events = watch("?from=oldest")) {
            long[] last = {-1};
            eventually().pollInterval(Duration.ofMillis(300)).until(() -> {
                long now = rig().stats().bytesWritten();
                boolean still = now == last[0];
                last[0] = now;
                return still;
            });
            // What the system's buffers take, and one watermark; all would be 20 MB.
            assertThat(last[0] - before).isLessThan(8L * MIB);
            List<Event> all = events.next(count);
            assertThat(keys(all).get(count - 1)).isEqualTo(key + (count - 1));
        }
    }

    @Test
    void a_client_that_never_reads_is_cut() throws IOException {
        use(setup().limits(limits -> limits.slowReaderTimeout(Duration.ofMillis(300)))
                .start());
        String key = "k".repeat(400);
        for (int i = 0; i < 40_000; i++) {
            store(key + i, "");
        }
        try (EventStream events = watch("?from=oldest")) {
            eventually().until(() -> rig().stats().watches() == 0);
            eventually().until(() -> rig().stats().connections() == 0);
            assertThat(rig().stats().connectionsCut()).containsEntry("slow_reader", 1L);
            assertThat(events.lastId()).isEmpty();
        }
    }

    @Test
    void a_client_that_goes_takes_its_watch_with_it() throws IOException {
        start();
        for (int i = 0; i < 20; i++) {
            try (EventStream events = watch("")) {
                assertThat(events.next().isHeartbeat()).isTrue();
            }
        }
        eventually().until(() -> rig().stats().watches() == 0);
    }

    @Test
    void a_burst_of_changes_goes_in_few_pieces() throws IOException {
        start();
        for (int i = 0; i < 5000; i++) {
            store("k" + i, "v");
        }
        try (EventStream events = watch("?from=oldest")) {
            List<Event> all = events.next(5000);
            assertThat(keys(all).get(4999)).isEqualTo("k4999");
        }
    }
}
