package io.nearkv.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class AppendOrderTest {
    private final AppendOrder order = new AppendOrder(null);

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
}
