package io.nearkv.deploy.control;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.core.route.DocumentVerdict.Outcome;
import io.nearkv.core.route.LinkRequest;
import io.nearkv.core.route.RouteLink;
import io.nearkv.core.route.RouteTransport;
import io.nearkv.deploy.control.DocumentPush.Target;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DocumentPushTest {
    private static final Target ONE = new Target("kv://one:1", true);
    private static final Target TWO = new Target("kv://two:1", true);
    private static final Target INSTANCE = new Target("kv://instance:1", false);
    private static final Duration SOON = Duration.ofMillis(200);
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final Map<String, Function<byte[], DocumentVerdict>> nodes = new ConcurrentHashMap<>();
    private final DocumentPush push = new DocumentPush(
            new RouteTransport() {
                @Override
                public String environment() {
                    return "production";
                }

                @Override
                public RouteLink connect(LinkRequest request) {
                    throw new UnsupportedOperationException();
                }

                @Override
                public DocumentVerdict offer(String endpoint, byte[] document, Duration timeout) {
                    return nodes.getOrDefault(endpoint, DocumentPushTest::nobody)
                            .apply(document);
                }

                @Override
                public List<byte[]> documents(String endpoint, Duration timeout) {
                    throw new UnsupportedOperationException();
                }
            },
            Duration.ofSeconds(1),
            Duration.ofMillis(2),
            System::nanoTime);

    @AfterEach
    void close() {
        push.close();
    }

    private static DocumentVerdict nobody(byte[] document) {
        throw new KvException(ErrorCode.UNAVAILABLE, "nobody listens there");
    }

    private static DocumentVerdict verdict(Outcome outcome, String reason) {
        return new DocumentVerdict(outcome, reason, "", 1, 2, "ab", "x=10000", "node");
    }

    private Coverage push(Duration timeout, Target... targets) throws InterruptedException {
        return push.push(List.of(new byte[] {1}, new byte[] {2}), List.of(targets), timeout, report -> {});
    }

    @Test
    void every_document_is_offered_in_order_and_the_last_one_decides() throws Exception {
        ConcurrentLinkedQueue<Integer> offered = new ConcurrentLinkedQueue<>();
        nodes.put(ONE.endpoint(), document -> {
            offered.add((int) document[0]);
            return document[0] == 1 ? verdict(Outcome.REJECTED, "not_newer") : verdict(Outcome.ACCEPTED, "");
        });

        Coverage coverage = push(SOON, ONE);

        assertThat(offered).containsExactly(1, 2);
        assertThat(coverage.complete()).isTrue();
        assertThat(coverage.summary()).startsWith("1/1 in ");
    }

    @Test
    void one_that_does_not_answer_is_tried_until_it_does() throws Exception {
        AtomicInteger attempts = new AtomicInteger();
        nodes.put(ONE.endpoint(), document -> verdict(Outcome.KNOWN, ""));
        nodes.put(
                TWO.endpoint(),
                document -> attempts.incrementAndGet() < 20 ? nobody(document) : verdict(Outcome.ACCEPTED, ""));

        Coverage coverage = push(PATIENCE, ONE, TWO);

        assertThat(coverage.complete()).isTrue();
        assertThat(attempts.get()).isGreaterThanOrEqualTo(20);
    }

    @Test
    void those_that_are_still_missing_at_the_end_are_named_with_what_they_say() throws Exception {
        nodes.put(ONE.endpoint(), document -> verdict(Outcome.ACCEPTED, ""));

        Coverage coverage = push(SOON, ONE, TWO);

        assertThat(coverage.complete()).isFalse();
        assertThat(coverage.waits()).isTrue();
        assertThat(coverage.summary()).isEqualTo("1/2; missing kv://two:1");
        assertThat(coverage.missing().get(0).detail()).isEqualTo("nobody listens there");
    }

    @Test
    void nobody_waits_for_one_that_has_refused() throws Exception {
        nodes.put(ONE.endpoint(), document -> verdict(Outcome.ACCEPTED, ""));
        nodes.put(TWO.endpoint(), document -> verdict(Outcome.REJECTED, "bad_signature"));

        Coverage coverage = push(Duration.ofHours(1), ONE, TWO);

        assertThat(coverage.waits()).isFalse();
        assertThat(coverage.missing().get(0).reason()).isEqualTo("bad_signature");
    }

    @Test
    void an_instance_that_follows_no_route_does_not_count_and_a_node_that_follows_none_does() throws Exception {
        nodes.put(ONE.endpoint(), document -> verdict(Outcome.ACCEPTED, ""));
        nodes.put(INSTANCE.endpoint(), document -> DocumentVerdict.unsupported("instance"));
        nodes.put(TWO.endpoint(), document -> DocumentVerdict.unsupported("two"));

        assertThat(push(SOON, ONE, INSTANCE).summary()).startsWith("1/1 in ");
        assertThat(push(SOON, ONE, TWO).complete()).isFalse();
    }

    @Test
    void one_node_that_hangs_holds_nobody_up() throws Exception {
        CountDownLatch hanging = new CountDownLatch(1);
        CountDownLatch reached = new CountDownLatch(1);
        nodes.put(ONE.endpoint(), document -> {
            try {
                hanging.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return verdict(Outcome.ACCEPTED, "");
        });
        nodes.put(TWO.endpoint(), document -> {
            reached.countDown();
            return verdict(Outcome.ACCEPTED, "");
        });
        Thread pusher = new Thread(() -> {
            try {
                Coverage unused = push(PATIENCE, ONE, TWO);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        pusher.start();

        reached.await();
        hanging.countDown();
        pusher.join();

        assertThat(reached.getCount()).isZero();
    }

    @Test
    void asking_takes_whatever_they_follow_for_an_answer() throws Exception {
        nodes.put(ONE.endpoint(), document -> {
            assertThat(document).isEmpty();
            return verdict(Outcome.STATUS, "");
        });

        Coverage asked = push.status(List.of(ONE), SOON);

        assertThat(asked.nodes().get(0).epoch()).isEqualTo(1);
        assertThat(asked.nodes().get(0).seq()).isEqualTo(2);
        assertThat(asked.complete()).isTrue();
    }
}
