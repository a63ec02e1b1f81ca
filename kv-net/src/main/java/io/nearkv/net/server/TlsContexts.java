package io.nearkv.net.server;

import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.SupportedCipherSuiteFilter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.net.ssl.SSLException;

/** Makes the TLS set-up of a server from its files. Internal to kv-net: it names Netty's types. Stateless. */
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

    private TlsContexts() {}

    /**
     * Reads the files.
     *
     * @param files where they are
     * @param applicationProtocols what is offered by ALPN, best first; none for no ALPN
     * @throws IllegalArgumentException if one of them is missing or is not what it should be
     */
    public static SslContext load(TlsFiles files, String... applicationProtocols) {
        requireReadable(files.certificateChain(), "certificateChain");
        requireReadable(files.privateKey(), "privateKey");
        try {
            SslContextBuilder builder = SslContextBuilder.forServer(
                            files.certificateChain().toFile(),
                            files.privateKey().toFile())
                    .sslProvider(SslProvider.JDK)
                    .protocols(PROTOCOLS)
                    .ciphers(CIPHERS, SupportedCipherSuiteFilter.INSTANCE);
            Path clientRoots = files.clientRoots();
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
                    "TLS cannot be set up with certificate '" + files.certificateChain() + "': " + e.getMessage(), e);
        }
    }

    private static void requireReadable(Path file, String name) {
        if (!Files.isReadable(file)) {
            throw new IllegalArgumentException(name + ": '" + file + "' (expected: a file that can be read)");
        }
    }
}
