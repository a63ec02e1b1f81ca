package io.nearkv.cluster;

import java.io.IOException;
import java.net.Socket;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.apache.ratis.thirdparty.io.netty.handler.ssl.JdkSslContext;
import org.apache.ratis.thirdparty.io.netty.handler.ssl.SslContextBuilder;
import org.apache.ratis.thirdparty.io.netty.handler.ssl.SslProvider;

/** TLS between the logs of nodes: each shows its certificate, and the one that connects checks the name of the other. Thread-safe. */
final class LogTls {
    private static final String[] PROTOCOLS = {"TLSv1.3", "TLSv1.2"};

    private final SSLContext context;

    /** Reads the files. */
    LogTls(ClusterOptions.Tls files) throws IOException {
        // Reads PEM, which the JDK does not.
        this.context = ((JdkSslContext) SslContextBuilder.forServer(
                                files.certificate().toFile(), files.key().toFile())
                        .trustManager(files.roots().toFile())
                        .sslProvider(SslProvider.JDK)
                        .build())
                .context();
    }

    /** Shakes hands with a node that has connected. */
    Socket server(Socket raw) throws IOException {
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(raw, null, true);
        socket.setNeedClientAuth(true);
        socket.setEnabledProtocols(PROTOCOLS);
        socket.startHandshake();
        return socket;
    }

    /** Shakes hands with a node that was connected to. */
    Socket client(Socket raw, String host, int port) throws IOException {
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(raw, host, port, true);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        parameters.setProtocols(PROTOCOLS);
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        return socket;
    }
}
