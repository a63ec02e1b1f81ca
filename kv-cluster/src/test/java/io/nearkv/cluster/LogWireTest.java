package io.nearkv.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import org.apache.ratis.proto.RaftProtos.StateMachineLogEntryProto;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Over real sockets. */
class LogWireTest {
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private ServerSocket listener;

    @BeforeEach
    void listen() throws IOException {
        listener = new ServerSocket(0, 8, InetAddress.getLoopbackAddress());
    }

    @AfterEach
    void close() throws IOException {
        listener.close();
    }

    private LogWire connected() throws IOException {
        LogWire wire = new LogWire(null);
        wire.connect("127.0.0.1:" + listener.getLocalPort(), PATIENCE);
        return wire;
    }

    private LogWire accepted() throws IOException {
        return LogWire.accepted(listener.accept(), null, PATIENCE);
    }

    private Socket raw() throws IOException {
        return new Socket(InetAddress.getLoopbackAddress(), listener.getLocalPort());
    }

    private static StateMachineLogEntryProto entry(int size) {
        byte[] data = new byte[size];
        for (int i = 0; i < size; i++) {
            data[i] = (byte) (i * 31);
        }
        return StateMachineLogEntryProto.newBuilder()
                .setLogData(ByteString.copyFrom(data))
                .setCallId(size)
                .build();
    }

    @Test
    void messages_come_as_they_were_sent_in_both_directions() throws Exception {
        try (LogWire here = connected();
                LogWire there = accepted()) {
            for (int size : new int[] {0, 1, 100, 64 << 10, (1 << 20) - 30, (1 << 20) + 1, 5 << 20}) {
                Thread answering = new Thread(() -> {
                    try {
                        LogWire.Frame frame = there.read();
                        there.write(frame.kind(), frame.message(StateMachineLogEntryProto.parser()));
                    } catch (IOException e) {
                        throw new java.io.UncheckedIOException(e);
                    }
                });
                answering.start();
                assertThat(here.ask(LogWire.Kind.SNAPSHOT, entry(size), StateMachineLogEntryProto.parser()))
                        .isEqualTo(entry(size));
                answering.join();
            }
        }
    }

    @Test
    void a_refusal_says_why() throws Exception {
        try (LogWire here = connected();
                LogWire there = accepted()) {
            there.refuse("no such log");
            assertThatThrownBy(() -> here.ask(LogWire.Kind.VOTE, entry(1), StateMachineLogEntryProto.parser()))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("no such log");
        }
    }

    @Test
    void an_answer_of_another_kind_is_none() throws Exception {
        try (LogWire here = connected();
                LogWire there = accepted()) {
            there.write(LogWire.Kind.ENTRIES, entry(1));
            assertThatThrownBy(() -> here.ask(LogWire.Kind.VOTE, entry(1), StateMachineLogEntryProto.parser()))
                    .hasMessageContaining("expected: VOTE");
        }
    }

    @Test
    void what_does_not_greet_is_no_node() throws Exception {
        try (Socket other = raw()) {
            other.getOutputStream()
                    .write("GET / HTTP/1.1\r\n\r\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
            assertThatThrownBy(this::accepted)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("47455420")
                    .hasMessageContaining("4e4b4c31");
        }
    }

    @Test
    void who_says_nothing_is_not_waited_for() throws Exception {
        try (Socket silent = raw()) {
            assertThat(silent.isConnected()).isTrue();
            assertThatThrownBy(() -> LogWire.accepted(listener.accept(), null, Duration.ofMillis(50)))
                    .isInstanceOf(SocketTimeoutException.class);
        }
    }

    @Test
    void lengths_and_kinds_that_cannot_be_are_refused_before_room_is_made() throws Exception {
        for (long header : new long[] {0x7fffffff_01L, 0xffffffff_01L, (((64L << 20) + 1) << 8) | 1, 0x00000001_09L}) {
            try (Socket other = raw()) {
                DataOutputStream out = new DataOutputStream(other.getOutputStream());
                out.writeInt(0x4e4b4c31);
                out.writeInt((int) (header >> 8));
                out.writeByte((int) header);
                out.writeByte(0);
                try (LogWire there = accepted()) {
                    assertThatThrownBy(there::read)
                            .isInstanceOf(IOException.class)
                            .hasMessageContaining("expected: ");
                }
            }
        }
    }

    @Test
    void a_frame_that_ends_too_early_is_none() throws Exception {
        for (int claimed : new int[] {100, 8 << 20}) {
            try (Socket other = raw()) {
                DataOutputStream out = new DataOutputStream(other.getOutputStream());
                out.writeInt(0x4e4b4c31);
                out.writeInt(claimed);
                out.writeByte(1);
                out.write(new byte[50]);
                other.shutdownOutput();
                try (LogWire there = accepted()) {
                    assertThatThrownBy(there::read).isInstanceOf(EOFException.class);
                }
            }
        }
    }

    @Test
    void waiting_for_a_frame_takes_nothing_away() throws Exception {
        try (LogWire here = connected()) {
            try (LogWire there = accepted()) {
                here.readTimeout(Duration.ofMillis(20));
                assertThat(here.awaitFrame()).isFalse();
                there.write(LogWire.Kind.ENTRIES, entry(10));
                here.readTimeout(PATIENCE);
                assertThat(here.awaitFrame()).isTrue();
                assertThat(here.awaitFrame()).isTrue();
                assertThat(here.read().message(StateMachineLogEntryProto.parser()))
                        .isEqualTo(entry(10));
            }
            assertThatThrownBy(here::awaitFrame).isInstanceOf(EOFException.class);
        }
    }

    @Test
    void closing_ends_a_write_that_nobody_takes() throws Exception {
        LogWire here = connected();
        try (LogWire there = accepted()) {
            Thread closing = new Thread(() -> {
                try {
                    // The first bytes are there, so the write has begun, and it cannot end.
                    assertThat(there.awaitFrame()).isTrue();
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                } finally {
                    here.close();
                }
            });
            closing.start();
            assertThatThrownBy(() -> here.write(LogWire.Kind.ENTRIES, entry(60 << 20)))
                    .isInstanceOf(SocketException.class);
            closing.join();
        }
    }

    @Test
    void a_connection_begins_with_four_bytes_that_name_it() throws Exception {
        try (LogWire here = connected();
                Socket other = listener.accept()) {
            here.write(LogWire.Kind.VOTE, entry(0));
            DataInputStream in = new DataInputStream(other.getInputStream());
            assertThat(in.readInt()).isEqualTo(0x4e4b4c31);
            assertThat(in.readInt()).isEqualTo(entry(0).getSerializedSize());
            assertThat(in.readByte()).isEqualTo((byte) 2);
        }
    }
}
