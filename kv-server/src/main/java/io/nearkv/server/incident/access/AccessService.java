package io.nearkv.server.incident.access;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.PutOptions;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Who may do what, by data in the store: identity providers, certificates, the posture of devices, and the secrets that lie behind a login. Sessions that need none of it are
 * checked by a key in memory. Thread-safe.
 */
public final class AccessService {
    private static final String PROVIDER = "idp/config";
    private static final String CERTIFICATES = "certs";
    private static final String POSTURE = "posture/";
    private static final String SECRET = "secret/";
    private static final Duration SESSION = Duration.ofHours(1);
    private static final String MAC = "HmacSHA256";

    private final KvNamespace data;
    private final SecretKeySpec key;

    /** Creates a service over a namespace; {@code keySeed} makes the key of its sessions. */
    public AccessService(KvNamespace data, String keySeed) {
        this.data = requireNonNull(data, "data");
        this.key = new SecretKeySpec(keySeed.getBytes(UTF_8), MAC);
    }

    /** Writes what it needs, for this many devices. */
    public void prepare(int devices, String ciSecret) {
        data.put(PROVIDER, "{\"issuer\":\"https://idp.example\",\"audience\":\"access\"}")
                .orThrow();
        data.put(CERTIFICATES, "{\"keys\":[{\"kid\":\"2023-10\",\"kty\":\"OKP\"}]}")
                .orThrow();
        for (int i = 0; i < devices; i++) {
            data.put(POSTURE + i, "{\"disk_encrypted\":true}").orThrow();
        }
        data.put(SECRET + "ci", ciSecret).orThrow();
    }

    /** Logs a user in: reads the identity provider, writes a session with an end, and returns its token. */
    public String login(String user) {
        read(PROVIDER);
        data.put("session/" + user, "{\"user\":\"" + user + "\"}", PutOptions.expiresAfter(SESSION))
                .orThrow();
        return token(user);
    }

    /** Returns the certificates by which applications verify tokens. */
    public String certificates() {
        return read(CERTIFICATES);
    }

    /** Returns whether a device is as the policy wants it. */
    public boolean posture(int device) {
        return read(POSTURE + device).contains("true");
    }

    /** Returns a secret, to whoever has logged in. */
    public String secret(String name) {
        return read(SECRET + name);
    }

    /** Returns the token of a session, which can be checked without the store. */
    public String token(String user) {
        return user + "." + HexFormat.of().formatHex(mac(user));
    }

    /** Returns whether a token is one of this service. */
    public boolean verify(String token) {
        int dot = token.lastIndexOf('.');
        return dot > 0
                && MessageDigest.isEqual(
                        token.getBytes(UTF_8), token(token.substring(0, dot)).getBytes(UTF_8));
    }

    private byte[] mac(String text) {
        try {
            Mac mac = Mac.getInstance(MAC);
            mac.init(key);
            return mac.doFinal(text.getBytes(UTF_8));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java has " + MAC, e);
        }
    }

    private String read(String name) {
        return data.getString(name)
                .orElseThrow(() -> new KvException(ErrorCode.NOT_FOUND, "'" + name + "' is not in the store"));
    }
}
