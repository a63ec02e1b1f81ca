package io.nearkv.core;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.awaitility.core.ConditionFactory;
import org.jspecify.annotations.Nullable;

/** A subscriber that keeps what it gets and checks the rules that hold for every feed: nothing beyond what was requested, one signal at a time, none after the last. */
public final class FeedProbe implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final List<FeedEvent> events = new CopyOnWriteArrayList<>();
    private final List<String> violations = new CopyOnWriteArrayList<>();
    private final CompletableFuture<Flow.Subscription> subscription = new CompletableFuture<>();
    private final CompletableFuture<String> end = new CompletableFuture<>();
    private final AtomicLong requested = new AtomicLong();
    private final AtomicLong inside = new AtomicLong();
    private volatile @Nullable Throwable failure;

    /** Subscribes; requests nothing. */
    public FeedProbe(Flow.Publisher<FeedEvent> feed) {
        feed.subscribe(new Flow.Subscriber<>() {
            @Override
            public void onSubscribe(Flow.Subscription newSubscription) {
                if (!subscription.complete(newSubscription)) {
                    violations.add("subscribed twice");
                }
            }

            @Override
            public void onNext(FeedEvent event) {
                if (inside.incrementAndGet() != 1) {
                    violations.add("two signals at a time");
                }
                events.add(event);
                if (end.isDone()) {
                    violations.add(event + " after the end");
                }
                if (events.size() > requested.get()) {
                    violations.add(event + " was not requested");
                }
                inside.decrementAndGet();
            }

            @Override
            public void onError(Throwable reason) {
                failure = reason;
                onEnd("error");
            }

            @Override
            public void onComplete() {
                onEnd("complete");
            }

            private void onEnd(String how) {
                if (!end.complete(how)) {
                    violations.add("ended twice");
                }
            }
        });
    }

    /** Requests more events. */
    public void request(long count) {
        requested.accumulateAndGet(count, (a, b) -> a + b < 0 ? Long.MAX_VALUE : a + b);
        subscription.orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS).join().request(count);
    }

    /** Returns all events so far. */
    public List<FeedEvent> events() {
        checkRules();
        return List.copyOf(events);
    }

    /** Returns the changes so far, without those of {@link FeedEvent.Kind#EXPIRE}, whose time is the store's own affair. */
    public List<FeedEvent.Change> changes() {
        return allChanges().stream()
                .filter(change -> change.kind() != FeedEvent.Kind.EXPIRE)
                .toList();
    }

    /** Returns the changes so far. */
    public List<FeedEvent.Change> allChanges() {
        checkRules();
        return events.stream()
                .filter(FeedEvent.Change.class::isInstance)
                .map(FeedEvent.Change.class::cast)
                .toList();
    }

    /** Waits for so many changes, except those of {@link FeedEvent.Kind#EXPIRE}, and returns them. */
    public List<FeedEvent.Change> awaitChanges(int count) {
        patiently().until(() -> changes().size() >= count || end.isDone());
        List<FeedEvent.Change> changes = changes();
        assertThat(changes)
                .as("changes; ended: " + end.getNow("no") + " " + failure)
                .hasSize(count);
        return changes;
    }

    /** Waits for the first heartbeat, if none has come yet, and returns the position of the last one. */
    public Position awaitHeartbeat() {
        return awaitHeartbeats(1);
    }

    /** Waits for one more heartbeat and returns its position. */
    public Position awaitNextHeartbeat() {
        return awaitHeartbeats(heartbeats() + 1);
    }

    private Position awaitHeartbeats(long count) {
        patiently().until(() -> heartbeats() >= count || end.isDone());
        assertThat(heartbeats())
                .as("heartbeats; ended: " + end.getNow("no") + " " + failure)
                .isGreaterThanOrEqualTo(count);
        for (int i = events.size() - 1; ; i--) {
            if (events.get(i) instanceof FeedEvent.Heartbeat heartbeat) {
                return heartbeat.position();
            }
        }
    }

    /** Returns the heartbeats so far. */
    public long heartbeats() {
        checkRules();
        return events.stream().filter(FeedEvent.Heartbeat.class::isInstance).count();
    }

    /** Returns where a reader that has seen the last event goes on. */
    public Position lastPosition() {
        FeedEvent last = events.get(events.size() - 1);
        return last instanceof FeedEvent.Change change ? change.position() : ((FeedEvent.Heartbeat) last).position();
    }

    /** Waits for the end, which must be a failure, and returns it. */
    public KvException awaitFailure() {
        assertThat(awaitEnd()).isEqualTo("error");
        assertThat(failure).isInstanceOf(KvException.class);
        return (KvException) requireNonNull(failure);
    }

    /** Waits for the end, which must not be a failure. */
    public void awaitComplete() {
        assertThat(awaitEnd()).as(String.valueOf(failure)).isEqualTo("complete");
        checkRules();
    }

    /** Waits for the end and returns {@code error} or {@code complete}. */
    public String awaitEnd() {
        patiently().until(end::isDone);
        return end.join();
    }

    /** Returns whether the feed has ended. */
    public boolean hasEnded() {
        return end.isDone();
    }

    private static ConditionFactory patiently() {
        return await().atMost(PATIENCE).pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(2));
    }

    private void checkRules() {
        assertThat(violations).as("rules of feeds that were broken").isEmpty();
    }

    /** Cancels the subscription. */
    @Override
    public void close() {
        subscription.thenAccept(Flow.Subscription::cancel).join();
    }
}
