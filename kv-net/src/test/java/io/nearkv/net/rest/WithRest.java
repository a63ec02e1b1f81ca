package io.nearkv.net.rest;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.Mutation;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.net.server.GatedStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;

/** Tests with an HTTP face of their own, after which nothing may be in flight or held. */
abstract class WithRest {
    static final int MIB = 1024 * 1024;

    @TempDir
    Path folder;

    private @Nullable RestRig rig;
    private @Nullable HttpSocket shared;
    private @Nullable String sharedToken;

    final RestRig.Setup setup() {
        return new RestRig.Setup(folder.resolve("data"));
    }

    final RestRig use(RestRig newRig) {
        rig = newRig;
        return newRig;
    }

    final RestRig start() {
        return use(setup().start());
    }

    final RestRig rig() {
        return requireNonNull(rig, "rig");
    }

    // ---- paths ----

    final String account() {
        return "/client/v4/accounts/" + rig().account;
    }

    final String namespaces() {
        return account() + "/storage/kv/namespaces";
    }

    final String ns(String rest) {
        return namespaces() + "/" + rig().namespace + rest;
    }

    final String value(String key) {
        return ns("/values/" + key);
    }

    // ---- calls, one after the other on one connection that is opened again when it was closed ----

    final String token() {
        String known = sharedToken;
        if (known == null) {
            known = rig().token();
            sharedToken = known;
        }
        return known;
    }

    final String bearer() {
        return "Authorization: Bearer " + token();
    }

    final Answer call(String method, String path, String... headers) throws IOException {
        return call(method, path, new byte[0], headers);
    }

    final Answer callWith(String body, String method, String path, String... headers) throws IOException {
        return call(method, path, body.getBytes(StandardCharsets.UTF_8), headers);
    }

    final Answer call(String method, String path, byte[] body, String... headers) throws IOException {
        HttpSocket socket = shared;
        if (socket == null) {
            socket = rig().connect();
            shared = socket;
        }
        socket.send(request(method, path, body, headers));
        Answer answer = socket.read(method);
        if (answer.closes()) {
            socket.close();
            shared = null;
        }
        return answer;
    }

    /** Returns a request with the administrator's token, unless one of the headers has another. */
    final byte[] request(String method, String path, byte[] body, String... headers) {
        HttpSocket.Request request = HttpSocket.Request.of(method, path).body(body);
        for (String header : headers) {
            request.header(header);
        }
        if (!String.join("\n", headers).contains("uthorization:")) {
            request.header(bearer());
        }
        return request.bytes();
    }

    final byte[] request(String method, String path, String... headers) {
        return request(method, path, new byte[0], headers);
    }

    // ---- past the server ----

    /** Writes a value of random bytes. */
    final byte[] store(String key, int size) {
        byte[] value = random(size);
        write(key, Value.of(value), PutOptions.DEFAULT);
        return value;
    }

    final long store(String key, String value) {
        return write(key, Value.of(value), PutOptions.DEFAULT);
    }

    final long write(String key, Value value, PutOptions options) {
        return rig().below
                .write(rig().namespace, new Mutation.Put(Key.of(key), value, options), WriteOptions.DEFAULT)
                .join()
                .orThrow();
    }

    final void remove(String key) {
        rig().below
                .write(rig().namespace, Mutation.delete(Key.of(key)), WriteOptions.DEFAULT)
                .join()
                .orThrow();
    }

    final @Nullable String stored(String key) {
        GetResult result = rig().below
                .get(rig().namespace, Key.of(key), ReadOptions.DEFAULT)
                .join();
        return result instanceof GetResult.Found found ? found.value().asString() : null;
    }

    final byte[] storedBytes(String key) {
        GetResult result = rig().below
                .get(rig().namespace, Key.of(key), ReadOptions.DEFAULT)
                .join();
        assertThat(result).isInstanceOf(GetResult.Found.class);
        return ((GetResult.Found) result).value().toByteArray();
    }

    static byte[] random(int size) {
        byte[] bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        return bytes;
    }

    static ConditionFactory eventually() {
        return Awaitility.await()
                .atMost(Duration.ofSeconds(20))
                .pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(5));
    }

    /** Ends the rig; nothing may be held then. */
    final void end() throws IOException {
        RestRig used = rig;
        rig = null;
        HttpSocket socket = shared;
        shared = null;
        sharedToken = null;
        if (socket != null) {
            socket.close();
        }
        if (used != null) {
            try {
                used.store.mode(GatedStore.Mode.AT_ONCE).release();
                used.requireNothingHeld();
            } finally {
                used.close();
            }
        }
    }

    @AfterEach
    final void everything_is_given_back() throws IOException {
        end();
    }
}
