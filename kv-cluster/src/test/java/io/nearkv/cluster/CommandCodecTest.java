package io.nearkv.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.Condition;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Metadata;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import io.nearkv.core.rocksdb.ReplicaCommand;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CommandCodecTest {
    private static final NamespaceId NAMESPACE = new NamespaceId(0x0102030405060708L, 0x1112131415161718L);
    private static final AccountId ACCOUNT = new AccountId(0xA1, 0xA2);

    private static List<ReplicaCommand> samples() {
        Mutation plain = Mutation.put(Key.of("k"), Value.of("v"));
        Mutation full = new Mutation.Put(
                Key.of("ключ"),
                Value.of(new byte[70_000]),
                new PutOptions(Metadata.ofJson("{\"a\":1}"), 4_000_000_000L, 0, Condition.ifVersion(7)));
        Mutation staged =
                new Mutation.Put(Key.of("big"), Value.empty(), new PutOptions(null, 0, 60, Condition.IF_ABSENT));
        Mutation delete = new Mutation.Delete(Key.of("gone"), Condition.IF_PRESENT);
        return List.of(
                new ReplicaCommand.Write(NAMESPACE, ReplicaCommand.Mode.SINGLE, List.of(plain), Map.of()),
                new ReplicaCommand.Write(NAMESPACE, ReplicaCommand.Mode.EACH, List.of(), Map.of()),
                new ReplicaCommand.Write(
                        NAMESPACE,
                        ReplicaCommand.Mode.ATOMIC,
                        List.of(plain, full, staged, delete),
                        Map.of(2, new ReplicaCommand.Staged(-5, 26_214_400, 0xCAFEBABE))),
                new ReplicaCommand.Piece(NAMESPACE, Long.MIN_VALUE, 3, Value.of(new byte[] {1, 2, 3})),
                new ReplicaCommand.DropPieces(-1),
                new ReplicaCommand.Expire(List.of(new ReplicaCommand.Expiration(9, 2, Key.of("x")))),
                new ReplicaCommand.CreateAccount(new AccountInfo(ACCOUNT, "Größe")),
                new ReplicaCommand.CreateNamespace(new NamespaceInfo(NAMESPACE, ACCOUNT, "config")),
                new ReplicaCommand.RenameNamespace(NAMESPACE, "other"),
                new ReplicaCommand.DeleteNamespace(NAMESPACE));
    }

    private static byte[] entry(List<ReplicaCommand> commands) {
        List<byte[]> encoded = new ArrayList<>();
        int size = CommandCodec.HEADER_BYTES;
        for (ReplicaCommand command : commands) {
            byte[] bytes = CommandCodec.encode(command);
            encoded.add(bytes);
            size += bytes.length;
        }
        ByteBuffer out = ByteBuffer.allocate(size);
        CommandCodec.putHeader(out, 1_234_567);
        encoded.forEach(out::put);
        return out.array();
    }

    @Test
    void every_command_comes_back_as_it_was() {
        CommandCodec.Entry back = CommandCodec.decode(ByteBuffer.wrap(entry(samples())));
        assertThat(back.millis()).isEqualTo(1_234_567);
        List<ReplicaCommand> expected = samples();
        assertThat(back.commands()).hasSameSizeAs(expected);
        for (int i = 0; i < expected.size(); i++) {
            assertThat(CommandCodec.encode(back.commands().get(i)))
                    .as("%s", expected.get(i).getClass())
                    .isEqualTo(CommandCodec.encode(expected.get(i)));
        }
        assertThat(((ReplicaCommand.Write) back.commands().get(2)).staged())
                .containsExactly(Map.entry(2, new ReplicaCommand.Staged(-5, 26_214_400, 0xCAFEBABE)));
    }

    @Test
    void the_bytes_are_those_of_the_format() {
        byte[] bytes = entry(List.of(
                new ReplicaCommand.Write(
                        NAMESPACE,
                        ReplicaCommand.Mode.SINGLE,
                        List.of(Mutation.put(Key.of("k"), Value.of("v"))),
                        Map.of()),
                new ReplicaCommand.DropPieces(-1)));
        assertThat(HexFormat.of().formatHex(bytes))
                .isEqualTo("01" + "000000000012d687" // format, time
                        + "01" + "01020304050607081112131415161718" + "01" + "00000001" // write, namespace, mode, count
                        + "01" + "0001" + "6b" // put, key
                        + "00" + "0000000000000000" // condition
                        + "0000000000000000" + "0000000000000000" // expiration, ttl
                        + "0000" + "00000001" + "76" // no metadata, value
                        + "03" + "ffffffffffffffff");
    }

    @Test
    void what_is_damaged_is_refused_and_never_taken_for_something_else() {
        byte[] whole = entry(samples().subList(0, 3));
        for (int length = 0; length < whole.length; length += length < 300 ? 1 : 997) {
            byte[] cut = java.util.Arrays.copyOf(whole, length);
            try {
                CommandCodec.Entry back = CommandCodec.decode(ByteBuffer.wrap(cut));
                assertThat(back.commands()).as("cut at %d", length).hasSizeLessThan(3);
            } catch (KvException e) {
                assertThat(e.code()).isEqualTo(ErrorCode.INTERNAL);
            }
        }
        Random random = new Random(7);
        for (int i = 0; i < 20_000; i++) {
            byte[] changed = entry(samples().subList(3, 10));
            changed[random.nextInt(changed.length)] = (byte) random.nextInt();
            try {
                var unused = CommandCodec.decode(ByteBuffer.wrap(changed));
            } catch (KvException e) {
                assertThat(e.code()).isEqualTo(ErrorCode.INTERNAL);
            }
        }
    }

    @Test
    void a_newer_format_is_refused() {
        byte[] bytes = entry(List.of());
        bytes[0] = 2;
        assertThatThrownBy(() -> CommandCodec.decode(ByteBuffer.wrap(bytes)))
                .isInstanceOf(KvException.class)
                .hasMessageContaining("newer program");
    }
}
