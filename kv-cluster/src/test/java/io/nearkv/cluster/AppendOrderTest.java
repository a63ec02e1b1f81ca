package io.nearkv.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class AppendOrderTest {
    private final AppendOrder order = new AppendOrder("the log");

    private static CompletableFuture<String> done() {
        return CompletableFuture.completedFuture("done");
    }

    @Test
    void what_is_sent_again_is_acknowledged_when_the_first_sending_is() throws Exception {
        CompletableFuture<String> disk = new CompletableFuture<>();
        CompletableFuture<String> first = order.after(() -> disk);
        CompletableFuture<String> again = order.after(AppendOrderTest::done); // Ratis knows it.
        assertThat(again).isNotDone();
        assertThat(disk.complete("written")).isTrue();
        assertThat(first).isCompletedWithValue("written");
        assertThat(again).isCompletedWithValue("done");
    }

    @Test
    void nothing_is_acknowledged_after_a_write_that_failed() throws Exception {
        CompletableFuture<String> disk = new CompletableFuture<>();
        CompletableFuture<String> first = order.after(() -> disk);
        CompletableFuture<String> again = order.after(AppendOrderTest::done);
        assertThat(disk.completeExceptionally(new IOException("no space left"))).isTrue();
        assertThat(first).isCompletedExceptionally();
        assertThat(again).isCompletedExceptionally();
        CompletableFuture<String> later = order.after(AppendOrderTest::done);
        assertThat(later).isCompletedExceptionally();
    }

    @Test
    void what_is_refused_before_anything_is_appended_changes_nothing() throws Exception {
        assertThatThrownBy(() -> order.<String, IOException>after(() -> {
                    throw new IOException("not ready");
                }))
                .hasMessage("not ready");
        assertThat(order.after(AppendOrderTest::done)).isCompletedWithValue("done");
    }

    @Test
    void a_failure_that_is_none_of_the_disk_is_that_answer_s_alone() throws Exception {
        CompletableFuture<String> failed =
                order.after(() -> CompletableFuture.failedFuture(new IllegalStateException("too many threads")));
        assertThat(failed).isCompletedExceptionally();
        assertThat(order.after(AppendOrderTest::done)).isCompletedWithValue("done");
    }

    @Test
    void what_must_be_alone_waits_for_the_disk_and_not_for_ever() throws Exception {
        CompletableFuture<String> disk = new CompletableFuture<>();
        CompletableFuture<String> first = order.after(() -> disk);
        assertThatThrownBy(() -> order.alone(Duration.ofMillis(10), () -> "installed"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("waiting for the disk");
        assertThat(disk.complete("written")).isTrue();
        assertThat(first).isCompletedWithValue("written");
        assertThat(order.alone(Duration.ofMillis(10), () -> "installed")).isEqualTo("installed");
    }
}
