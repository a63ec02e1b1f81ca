package io.nearkv.net.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import io.nearkv.core.Condition;
import io.nearkv.core.Key;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.net.protocol.BodyReader;
import io.nearkv.net.protocol.BodyWriter;
import io.nearkv.net.protocol.DeleteFrame;
import io.nearkv.net.protocol.EntryCodec;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.protocol.GetFrame;
import io.nearkv.net.protocol.Protocol;
import io.nearkv.net.protocol.PutFrame;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/** Frames that tests send, and calls that they make, over a {@link RawConnection}. */
final class Requests {
    private Requests() {}

    static Consumer<ByteBuf> get(int id, NamespaceId namespace, String key) {
        return out -> GetFrame.write(out, id, namespace, Key.of(key), ReadOptions.DEFAULT);
    }

    static Consumer<ByteBuf> put(int id, NamespaceId namespace, String key, String value) {
        return put(id, namespace, key, Value.of(value), PutOptions.DEFAULT);
    }

    static Consumer<ByteBuf> put(int id, NamespaceId namespace, String key, Value value, PutOptions options) {
        return out ->
                PutFrame.write(out, id, namespace, new Mutation.Put(Key.of(key), value, options), WriteOptions.DEFAULT);
    }

    static Consumer<ByteBuf> delete(int id, NamespaceId namespace, String key) {
        return out -> DeleteFrame.write(
                out, id, namespace, new Mutation.Delete(Key.of(key), Condition.NONE), WriteOptions.DEFAULT);
    }

    static Consumer<ByteBuf> putStream(int id, NamespaceId namespace, String key, long totalBytes) {
        return out -> PutFrame.writeStream(
                out, id, namespace, Key.of(key), PutOptions.DEFAULT, WriteOptions.DEFAULT, totalBytes);
    }

    static Consumer<ByteBuf> data(int id, boolean last, byte[] bytes) {
        return data(id, last, bytes, 0, bytes.length);
    }

    static Consumer<ByteBuf> data(int id, boolean last, byte[] bytes, int from, int count) {
        return out -> {
            Frames.writeHeader(out, FrameType.DATA, last ? FrameType.FLAG_END : 0, id, count);
            out.writeBytes(bytes, from, count);
        };
    }

    static Consumer<ByteBuf> credit(int id, int more) {
        return out -> Frames.writeInt(out, FrameType.CREDIT, id, more);
    }

    static Consumer<ByteBuf> cancel(int id) {
        return out -> Frames.writeEmpty(out, FrameType.CANCEL, id);
    }

    static Consumer<ByteBuf> ping(long value) {
        return out -> Frames.writeLong(out, FrameType.PING, 0, value);
    }

    static Consumer<ByteBuf> watch(int id, Wire.WatchRequest request) {
        return out -> Frames.writeMessage(out, FrameType.WATCH, 0, id, request);
    }

    static Consumer<ByteBuf> call(int id, Wire.CallHeader header) {
        return out -> BodyWriter.of(header).writeFirst(out, FrameType.CALL, id);
    }

    /** Sends a call with items, in pieces if it is large, as the server grants credit. Returns the first frame that is not credit. */
    static <T> RawConnection.Answer call(
            RawConnection connection,
            int id,
            Wire.CallHeader header,
            List<T> items,
            Function<? super T, ? extends MessageLite> toItem)
            throws IOException {
        BodyWriter writer = BodyWriter.of(header, items, toItem);
        connection.send(out -> writer.writeFirst(out, FrameType.CALL, id));
        int[] credit = {Protocol.DEFAULT_STREAM_WINDOW_BYTES};
        while (!writer.isDone()) {
            if (credit[0] == 0) {
                RawConnection.Answer answer = connection.read();
                if (answer.type() != FrameType.CREDIT) {
                    return answer;
                }
                credit[0] += answer.read(Frames::readInt);
            }
            connection.send(out -> credit[0] -= writer.writeData(out, id, credit[0]));
        }
        return afterCredits(connection);
    }

    /** Reads the first frame that is not credit. */
    static RawConnection.Answer afterCredits(RawConnection connection) throws IOException {
        RawConnection.Answer answer = connection.read();
        while (answer.type() == FrameType.CREDIT) {
            answer = connection.read();
        }
        return answer;
    }

    static Wire.CallHeader getAll(NamespaceId namespace) {
        return Wire.CallHeader.newBuilder()
                .setGetAll(Wire.GetAll.newBuilder().setNamespace(EntryCodec.toWire(namespace)))
                .build();
    }

    static Wire.CallHeader writeAll(NamespaceId namespace) {
        return Wire.CallHeader.newBuilder()
                .setWriteAll(Wire.WriteAll.newBuilder().setNamespace(EntryCodec.toWire(namespace)))
                .build();
    }

    static Wire.CallHeader batch(NamespaceId namespace) {
        return Wire.CallHeader.newBuilder()
                .setBatch(Wire.Batch.newBuilder().setNamespace(EntryCodec.toWire(namespace)))
                .build();
    }

    static Wire.CallHeader list(NamespaceId namespace, String prefix) {
        return Wire.CallHeader.newBuilder()
                .setList(Wire.List.newBuilder()
                        .setNamespace(EntryCodec.toWire(namespace))
                        .setPrefix(prefix))
                .build();
    }

    /** Reads a reply whole, granting credit as it comes. */
    static <I> List<I> items(RawConnection connection, Parser<I> parser) throws IOException {
        return items(connection, connection.read(), parser);
    }

    static <I> List<I> items(RawConnection connection, RawConnection.Answer first, Parser<I> parser)
            throws IOException {
        List<I> items = new ArrayList<>();
        header(connection, first, parser, items);
        return items;
    }

    static <I> Wire.ReplyHeader header(
            RawConnection connection, RawConnection.Answer first, Parser<I> parser, List<I> items) throws IOException {
        assertThat(first.type()).as(first.toString()).isEqualTo(FrameType.REPLY);
        BodyReader<Wire.ReplyHeader> body =
                new BodyReader<>(FrameType.REPLY, Wire.ReplyHeader.parser(), Protocol.MAX_REPLY_BYTES);
        first.read((in, frame) -> {
            body.begin(in, frame);
            body.items(parser, items::add);
            return body;
        });
        while (!body.isDone()) {
            RawConnection.Answer piece = connection.read(FrameType.DATA);
            piece.read(body::data);
            connection.send(credit(piece.id(), piece.body().length));
        }
        return body.header();
    }
}
