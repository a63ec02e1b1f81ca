package io.nearkv.net.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SlotTableTest {
    private static final int SIZE = 8;

    private SilentServer server = new SilentServer();
    private LanePool pool =
            LanePool.start(ClientFixture.client(server.address()).options());
    private SlotTable table = new SlotTable(new Lane(pool, 0, pool.anyLoop(), 0), SIZE);

    @BeforeEach
    void check() {
        assertThat(table.inUse()).isZero();
    }

    @AfterEach
    void close() {
        pool.close();
        server.close();
    }

    @Test
    void each_slot_is_given_out_once_and_again_after_it_was_returned() {
        List<Slot> all = new ArrayList<>();
        for (int i = 0; i < SIZE; i++) {
            all.add(Slot.required(table.acquire()));
        }
        assertThat(all).doesNotHaveDuplicates();
        assertThat(table.acquire()).isNull();
        assertThat(table.inUse()).isEqualTo(SIZE);

        table.release(all.get(3));
        assertThat(table.inUse()).isEqualTo(SIZE - 1);
        assertThat(table.acquire()).isSameAs(all.get(3));
        assertThat(table.acquire()).isNull();
    }

    @Test
    void a_slot_is_found_by_the_id_of_its_present_attempt_only() {
        Slot slot = Slot.required(table.acquire());
        int first = slot.nextCorrelationId();
        assertThat(table.find(first)).isSameAs(slot);
        int second = slot.nextCorrelationId();
        assertThat(table.find(first)).isNull();
        assertThat(table.find(second)).isSameAs(slot);
        table.release(slot);
        assertThat(table.find(second)).isNull();
        assertThat(table.find(0)).isNull();
        assertThat(table.find(-1)).isNull();
        assertThat(table.find(SIZE + 1)).isNull();
    }

    @Test
    void threads_that_compete_never_hold_the_same_slot() {
        AtomicIntegerArray holders = new AtomicIntegerArray(SIZE);
        List<CompletableFuture<Void>> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            threads.add(CompletableFuture.runAsync(
                    () -> {
                        for (int i = 0; i < 50_000; i++) {
                            Slot slot = table.acquire();
                            if (slot != null) {
                                assertThat(holders.incrementAndGet(slot.index)).isOne();
                                holders.decrementAndGet(slot.index);
                                table.release(slot);
                            }
                        }
                    },
                    task -> new Thread(task, "competitor").start()));
        }
        threads.forEach(ClientFixture::await);
        assertThat(table.inUse()).isZero();
        for (int i = 0; i < SIZE; i++) {
            assertThat(table.acquire()).isNotNull();
        }
    }
}
