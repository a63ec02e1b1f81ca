package io.nearkv.server.incident.process;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.Value;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.NodeAuthority;
import io.nearkv.deploy.control.ControlPlane;
import io.nearkv.deploy.control.ControlPlaneOptions;
import io.nearkv.deploy.model.SafetyLayers;
import io.nearkv.net.client.KvClient;
import io.nearkv.net.client.KvTransport;
import io.nearkv.server.config.ListenAddress;
import io.nearkv.server.control.ControlAnswer;
import io.nearkv.server.control.ControlApi;
import io.nearkv.server.control.ControlClient;
import io.nearkv.server.control.ControlServer;
import io.nearkv.server.incident.access.AccessService;
import io.nearkv.server.incident.access.TextClient;
import io.nearkv.server.incident.access.TextServer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** What the processes of a replay do that are no nodes. Each begins to answer, says so in one line, and answers until whoever has started it is gone. */
public final class ChildProcesses {
    private static final Duration WATCH_INTERVAL = Duration.ofMillis(300);
    private static final Duration PUBLISH_TIMEOUT = Duration.ofSeconds(2);
    private static final Duration RETRY_INTERVAL = Duration.ofMillis(30);
    private static final Duration ASK_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration CHANGE_TIMEOUT = Duration.ofSeconds(15);
    private static final String READY = "nearkv ready ";

    private ChildProcesses() {}

    /** Waits until the other end of standard input is closed: until whoever has started this process has ended, however it did. */
    public static void awaitParent(InputStream in) throws IOException {
        byte[] unused = new byte[64];
        int count;
        do {
            count = in.read(unused);
        } while (count >= 0);
    }

    /** Ends this process as soon as {@link #awaitParent} returns. */
    public static void endWithParent(InputStream in) {
        Thread watch = new Thread(
                () -> {
                    try {
                        awaitParent(in);
                    } catch (IOException e) {
                        assert e.getMessage() != null; // The pipe is broken: it comes to the same.
                    }
                    Runtime.getRuntime().halt(0);
                },
                "replay-parent");
        watch.setDaemon(true);
        watch.start();
    }

    /**
     * The control plane of production, with the bug of the report in its list of builds as soon as a file says so.
     *
     * @param folder that of the replay
     * @param routers who follow the routes
     * @param checked whether it checks before it publishes
     */
    public static void control(Path folder, List<String> routers, boolean checked, InputStream in, Consumer<String> out)
            throws IOException {
        InstantSource clock = InstantSource.system();
        Path data = folder.resolve("core");
        IdentityDirectory identity = IdentityDirectory.open(data, clock);
        Value stray = Value.of(Files.readAllBytes(ClusterSetup.strayManifest(folder)));
        Path bug = ClusterSetup.listBug(folder);
        Path keys = folder.resolve("keys");
        ControlPlaneOptions options = ControlPlaneOptions.builder(
                        World.PRODUCTION,
                        folder.resolve("control"),
                        identity,
                        keys.resolve("route.pem"),
                        Value.of(Files.readAllBytes(keys.resolve("trust.signed"))))
                .nodes(routers)
                .watchInterval(WATCH_INTERVAL)
                .publishTimeout(PUBLISH_TIMEOUT)
                .retryInterval(RETRY_INTERVAL)
                .layers(new SafetyLayers(checked, true, true, true))
                .strayManifests(() -> Files.exists(bug) ? List.of(stray) : List.of())
                .build();
        String token = requireNonNull(io.nearkv.server.config.DataFolder.readOneLine(data.resolve("admin.token")));
        try (KvTransport transport = ClusterSetup.transport(token);
                ControlPlane plane = ControlStore.open(folder.resolve("control"), transport, options);
                NodeAuthority authority = NodeAuthority.open(identity.environment(), identity.files(), null, clock);
                ControlServer server = ControlServer.start(
                        new ControlApi(plane, World.PRODUCTION, identity.account(), null),
                        authority,
                        new ListenAddress(World.HOST, 0))) {
            plane.start();
            out.accept(READY + "control url=" + server.url());
            awaitParent(in);
        }
    }

    /** The access service: it reads from the store as everybody does, and has no copy of anything. */
    public static void access(String server, String token, String ciSecret, InputStream in, Consumer<String> out)
            throws IOException {
        try (Kv kv = KvClient.builder()
                .server(server)
                .token(token)
                .name("access")
                .build()
                .kv()) {
            kv.namespaces().findOrCreate("access");
            KvNamespace data = kv.namespace("access").withTimeout(ASK_TIMEOUT);
            AccessService service = new AccessService(data, "access");
            service.prepare(1, ciSecret);
            try (TextServer answering = TextServer.start("access", path -> answer(service, path))) {
                out.accept(READY + "access url=" + answering.url());
                awaitParent(in);
            }
        }
    }

    private static String answer(AccessService service, String path) {
        if (!path.startsWith("secret/")) {
            throw new KvException(ErrorCode.NOT_FOUND, "no such path (expected: secret/NAME)");
        }
        // Whoever wants a secret logs in first.
        String token = service.login("ci");
        if (!service.verify(token)) {
            throw new KvException(ErrorCode.INTERNAL, "the session is not good");
        }
        return service.secret(path.substring("secret/".length()));
    }

    /** The CI: its jobs need a secret, which is behind the access service, and what they do with it is told to the control plane. */
    public static void ci(String access, String control, InputStream in, Consumer<String> out) throws IOException {
        TextClient secrets = new TextClient(access, ASK_TIMEOUT);
        try (TextServer answering = TextServer.start("ci", path -> job(secrets, control, path))) {
            out.accept(READY + "ci url=" + answering.url());
            awaitParent(in);
        }
    }

    private static String job(TextClient secrets, String control, String path) throws InterruptedException {
        String secret;
        try {
            secret = secrets.ask("secret/ci");
        } catch (KvException e) {
            throw new KvException(ErrorCode.UNAVAILABLE, "the access service gives no secret: " + e.getMessage(), e);
        }
        if (path.equals("secret")) {
            return "has its secret, " + secret.length() + " characters";
        }
        try {
            ControlAnswer answer = new ControlClient(control, secret, CHANGE_TIMEOUT)
                    .post(World.PRODUCTION, "rollback", Map.of("reason", "rollback job of the CI"));
            return "rolled back: " + answer.part("coverage").number("holding") + " nodes follow";
        } catch (ControlClient.Refused e) {
            throw new KvException(ErrorCode.UNAVAILABLE, "the control plane refuses: " + e.getMessage(), e);
        }
    }
}
