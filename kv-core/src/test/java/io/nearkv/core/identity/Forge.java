package io.nearkv.core.identity;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.stream.Stream;

/** Makes statements that the production code would never make, byte by byte, without any library that it uses. */
final class Forge {
    private Forge() {}

    static String base64(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    static byte[] unbase64(String text) {
        return Base64.getUrlDecoder().decode(text);
    }

    static String headerOf(String token) {
        return new String(unbase64(token.substring(0, token.indexOf('.'))), UTF_8);
    }

    static String payloadOf(String token) {
        return new String(unbase64(token.substring(token.indexOf('.') + 1, token.lastIndexOf('.'))), UTF_8);
    }

    static String signed(String header, String payload, PrivateKey key) {
        return signed(header.getBytes(UTF_8), payload.getBytes(UTF_8), key);
    }

    static String signed(byte[] header, byte[] payload, PrivateKey key) {
        String input = base64(header) + "." + base64(payload);
        try {
            Signature signature = Signature.getInstance("Ed25519");
            signature.initSign(key);
            signature.update(input.getBytes(UTF_8));
            return input + "." + base64(signature.sign());
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    static Path privateKeyFile(Path dataFolder, KeyRole role) {
        try (Stream<Path> files = Files.list(dataFolder.resolve("identity/keys"))) {
            return files.filter(file -> file.getFileName().toString().startsWith(role.label() + "-"))
                    .findFirst()
                    .orElseThrow();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String keyId(Path dataFolder, KeyRole role) {
        return privateKeyFile(dataFolder, role).getFileName().toString().replace(".pem", "");
    }

    static PrivateKey privateKey(Path dataFolder, KeyRole role) {
        try {
            String pem = Files.readString(privateKeyFile(dataFolder, role)).replaceAll("-----[A-Z ]+-----|\\s", "");
            return KeyFactory.getInstance("Ed25519")
                    .generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
        } catch (IOException | GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }
}
