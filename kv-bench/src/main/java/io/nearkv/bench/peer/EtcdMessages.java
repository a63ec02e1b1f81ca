package io.nearkv.bench.peer;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/** The few messages of etcd's {@code rpc.proto} that a get, a put, a delete and a list need, written and read by hand: less work than generated code does. */
final class EtcdMessages {
    /** {@code Range}: one key or the names below a prefix. */
    static final MethodDescriptor<byte[], Answer> RANGE = method("Range");
    /** {@code Put}. */
    static final MethodDescriptor<byte[], Answer> PUT = method("Put");
    /** {@code DeleteRange}. */
    static final MethodDescriptor<byte[], Answer> DELETE = method("DeleteRange");

    private EtcdMessages() {}

    /**
     * What counts of any answer.
     *
     * @param entries how many entries came back
     * @param valueBytes the bytes of their values
     */
    record Answer(int entries, int valueBytes) {}

    /** A {@code RangeRequest} for one key; linearizable unless {@code serializable}. */
    static byte[] get(byte[] key, boolean serializable) {
        return message(out -> {
            out.writeByteArray(1, key);
            out.writeBool(7, serializable);
        });
    }

    /** A {@code RangeRequest} for the names of a range, without values. */
    static byte[] list(byte[] from, byte[] to, int limit) {
        return message(out -> {
            out.writeByteArray(1, from);
            out.writeByteArray(2, to);
            out.writeInt64(3, limit);
            out.writeBool(8, true);
        });
    }

    /** A {@code PutRequest}. */
    static byte[] put(byte[] key, byte[] value) {
        return message(out -> {
            out.writeByteArray(1, key);
            out.writeByteArray(2, value);
        });
    }

    /** A {@code DeleteRangeRequest} for one key. */
    static byte[] delete(byte[] key) {
        return message(out -> out.writeByteArray(1, key));
    }

    private interface Body {
        void writeTo(CodedOutputStream out) throws IOException;
    }

    private static byte[] message(Body body) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(160);
        CodedOutputStream out = CodedOutputStream.newInstance(bytes, 256);
        try {
            body.writeTo(out);
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    private static MethodDescriptor<byte[], Answer> method(String name) {
        return MethodDescriptor.<byte[], Answer>newBuilder()
                .setType(MethodDescriptor.MethodType.UNARY)
                .setFullMethodName("etcdserverpb.KV/" + name)
                .setRequestMarshaller(new RequestMarshaller())
                .setResponseMarshaller(new AnswerMarshaller())
                .build();
    }

    /** Lets gRPC know the length, so that it needs no copy. */
    private static final class KnownBytes extends ByteArrayInputStream implements KnownLength {
        KnownBytes(byte[] bytes) {
            super(bytes);
        }
    }

    private static final class RequestMarshaller implements MethodDescriptor.Marshaller<byte[]> {
        @Override
        public InputStream stream(byte[] request) {
            return new KnownBytes(request);
        }

        @Override
        public byte[] parse(InputStream stream) {
            throw new UnsupportedOperationException("requests are only sent");
        }
    }

    private static final class AnswerMarshaller implements MethodDescriptor.Marshaller<Answer> {
        @Override
        public InputStream stream(Answer answer) {
            throw new UnsupportedOperationException("answers are only received");
        }

        @Override
        public Answer parse(InputStream stream) {
            try {
                CodedInputStream in = CodedInputStream.newInstance(stream);
                int entries = 0;
                int valueBytes = 0;
                // Field 2 of a RangeResponse is a KeyValue each, of a DeleteRangeResponse the number of keys.
                for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
                    if (WireFormat.getTagFieldNumber(tag) == 2
                            && WireFormat.getTagWireType(tag) == WireFormat.WIRETYPE_LENGTH_DELIMITED) {
                        entries++;
                        int length = in.readRawVarint32();
                        int limit = in.pushLimit(length);
                        valueBytes += valueBytes(in);
                        in.popLimit(limit);
                    } else if (WireFormat.getTagFieldNumber(tag) == 2) {
                        entries = (int) in.readInt64();
                    } else {
                        in.skipField(tag);
                    }
                }
                return new Answer(entries, valueBytes);
            } catch (IOException e) {
                throw Status.INTERNAL.withCause(e).asRuntimeException();
            }
        }

        private static int valueBytes(CodedInputStream in) throws IOException {
            int bytes = 0;
            for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
                if (WireFormat.getTagFieldNumber(tag) == 5) {
                    // As a client would have it: in an array of its own.
                    bytes = in.readByteArray().length;
                } else {
                    in.skipField(tag);
                }
            }
            return bytes;
        }
    }
}
