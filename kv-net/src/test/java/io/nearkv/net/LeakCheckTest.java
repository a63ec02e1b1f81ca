package io.nearkv.net;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import org.junit.jupiter.api.Test;

/** The check itself must be able to fail. */
class LeakCheckTest {
    @Test
    void a_buffer_that_is_never_released_is_reported() {
        leak();

        try {
            assertThatThrownBy(LeakCheck::requireNoLeaks).isInstanceOf(AssertionError.class);
        } finally {
            LeakCheck.forget();
        }
    }

    private static void leak() {
        ByteBuf lost = ByteBufAllocator.DEFAULT.directBuffer(64);
        lost.writeLong(1);
    }
}
