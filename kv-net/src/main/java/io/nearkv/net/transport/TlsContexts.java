package io.nearkv.net.transport;

import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.SupportedCipherSuiteFilter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** Makes the TLS set-up of a server from its files. Stateless. */
public final class TlsContexts {
    private static final List<String> PROTOCOLS = List.of("TLSv1.3", "TLSv1.2");

    // RFC 9325: all of TLS 1.3, and of 1.2 what has forward secrecy and authenticated encryption.
    private static final List<String> CIPHERS = List.of(
            "TLS_AES_128_GCM_SHA256",
            "TLS_AES_256_GCM_SHA384",
            "TLS_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256");

    private static final Pattern PRIVATE_KEY =
            Pattern.compile("-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\\s]+)-----END PRIVATE KEY-----");

    private TlsContexts() {}

    /**
     * Reads the files.
     *
     * @param certificateChain the server's certificate and those that lead to its root (PEM)
     * @param privateKey its private key (PEM, PKCS #8, not encrypted)
     * @param clientRoots the roots of the certificates that clients must show; null if they need none
     * @param applicationProtocols what is offered by ALPN, best first; none for no ALPN
     * @throws IllegalArgumentException if one of them is missing or is not what it should be
     */
    public static SslContext load(
            Path certificateChain, Path privateKey, @Nullable Path clientRoots, String... applicationProtocols) {
        requireReadable(certificateChain, "certificateChain");
        requireReadable(privateKey, "privateKey");
        requirePair(certificateChain, privateKey);
        try {
            SslContextBuilder builder = SslContextBuilder.forServer(certificateChain.toFile(), privateKey.toFile())
                    .sslProvider(SslProvider.JDK)
                    .protocols(PROTOCOLS)
                    .ciphers(CIPHERS, SupportedCipherSuiteFilter.INSTANCE);
            if (clientRoots != null) {
                requireReadable(clientRoots, "clientRoots");
                builder.trustManager(clientRoots.toFile()).clientAuth(ClientAuth.REQUIRE);
            }
            if (applicationProtocols.length > 0) {
                builder.applicationProtocolConfig(new ApplicationProtocolConfig(
                        ApplicationProtocolConfig.Protocol.ALPN,
                        ApplicationProtocolConfig.SelectorFailureBehavior.NO_ADVERTISE,
                        ApplicationProtocolConfig.SelectedListenerFailureBehavior.ACCEPT,
                        applicationProtocols));
            }
            return builder.build();
        } catch (SSLException e) {
            throw new IllegalArgumentException(
                    "TLS cannot be set up with certificate '" + certificateChain + "': " + e.getMessage(), e);
        }
    }

    /** The JDK's TLS takes any key with any certificate, and fails each handshake: as after a renewal of which one file is there already. */
    private static void requirePair(Path certificateChain, Path privateKey) {
        try (InputStream in = Files.newInputStream(certificateChain)) {
            PublicKey publicKey = CertificateFactory.getInstance("X.509")
                    .generateCertificates(in)
                    .iterator()
                    .next()
                    .getPublicKey();
            Matcher pem = PRIVATE_KEY.matcher(Files.readString(privateKey, StandardCharsets.US_ASCII));
            if (!pem.find()) {
                throw new InvalidKeyException("it is not 'PRIVATE KEY' as PEM");
            }
            PrivateKey key = KeyFactory.getInstance(publicKey.getAlgorithm())
                    .generatePrivate(
                            new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(pem.group(1))));
            Signature signature = Signature.getInstance(
                    switch (publicKey.getAlgorithm()) {
                        case "EC" -> "SHA256withECDSA";
                        case "RSA" -> "SHA256withRSA";
                        default -> publicKey.getAlgorithm();
                    });
            byte[] probe = certificateChain.toString().getBytes(StandardCharsets.UTF_8);
            signature.initSign(key);
            signature.update(probe);
            byte[] signed = signature.sign();
            signature.initVerify(publicKey);
            signature.update(probe);
            if (!signature.verify(signed)) {
                throw new InvalidKeyException("it is another certificate's");
            }
        } catch (GeneralSecurityException | IOException | NoSuchElementException | IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "private key '" + privateKey + "' does not go with certificate '" + certificateChain + "': "
                            + e.getMessage(),
                    e);
        }
    }

    private static void requireReadable(Path file, String name) {
        if (!Files.isReadable(file)) {
            throw new IllegalArgumentException(name + ": '" + file + "' (expected: a file that can be read)");
        }
    }
}
