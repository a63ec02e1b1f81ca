package io.nearkv.server.program;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * An authority, and a certificate for the loopback from it, made by the JDK's keytool.
 *
 * @param roots the authority, PEM
 * @param certificate the certificate, PEM
 * @param key its key, PEM
 */
record ClusterCertificates(Path roots, Path certificate, Path key) {
    private static final String PASSWORD = "changeit";

    /** Makes an authority of this name. */
    static ClusterCertificates create(Path folder, String name) throws Exception {
        Path file = folder.resolve(name + ".p12");
        keytool(file, "ca", "CN=" + name, "-ext", "bc:c");
        keytool(file, "node", "CN=node of " + name, "-ext", "san=ip:127.0.0.1,dns:localhost", "-signer", "ca");
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(file)) {
            store.load(in, PASSWORD.toCharArray());
        }
        return new ClusterCertificates(
                pem(
                        folder.resolve(name + ".ca.crt"),
                        "CERTIFICATE",
                        store.getCertificate("ca").getEncoded()),
                pem(
                        folder.resolve(name + ".crt"),
                        "CERTIFICATE",
                        store.getCertificate("node").getEncoded()),
                pem(
                        folder.resolve(name + ".key"),
                        "PRIVATE KEY",
                        store.getKey("node", PASSWORD.toCharArray()).getEncoded()));
    }

    private static void keytool(Path store, String alias, String name, String... more) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-keyalg",
                "EC",
                "-validity",
                "2",
                "-storetype",
                "PKCS12",
                "-storepass",
                PASSWORD,
                "-keystore",
                store.toString(),
                "-alias",
                alias,
                "-dname",
                name));
        command.addAll(List.of(more));
        Path said = store.resolveSibling(alias + "-" + store.getFileName() + ".log");
        Process keytool = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(said.toFile())
                .start();
        if (!keytool.waitFor(60, TimeUnit.SECONDS) || keytool.exitValue() != 0) {
            throw new IllegalStateException("keytool failed: " + Files.readString(said));
        }
    }

    private static Path pem(Path file, String type, byte[] der) throws IOException {
        String base64 = Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII))
                .encodeToString(der);
        return Files.writeString(file, "-----BEGIN " + type + "-----\n" + base64 + "\n-----END " + type + "-----\n");
    }

    /** Returns what a node is started with that has this certificate and wants peers to have one of these authorities. */
    String[] serving(Path peers) {
        return new String[] {
            "--tls-cert", certificate.toString(), "--tls-key", key.toString(), "--tls-client-ca", peers.toString()
        };
    }
}
