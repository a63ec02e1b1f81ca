package io.nearkv.server.program;

import static io.nearkv.server.faults.NativeTools.run;
import static io.nearkv.server.faults.NativeTools.succeeds;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A network of its own for each node (Linux network namespaces, joined by a bridge), where what one sends to another can be lost without a word, in one direction or in both. The processes of
 * the test reach all nodes all the time.
 *
 * <p>A packet is lost because its sender takes a hardware address for the receiver's that nobody has: neither end is told anything, as with a broken switch. It needs no module of the kernel beyond
 * namespaces and bridges, while firewalls and queues that drop packets do.
 */
final class NodeNetworks implements AutoCloseable {
    private static final String NOBODY = "02:00:00:00:00:01";

    private final String name;
    private final String prefix;
    private final List<String> nodes;
    private final List<List<String>> cuts = new ArrayList<>();

    private NodeNetworks(List<String> nodes) {
        int number = ThreadLocalRandom.current().nextInt(0x10000);
        this.name = String.format(Locale.ROOT, "nk%04x", number);
        // A range that is set aside for tests of networks (RFC 2544).
        this.prefix = "198." + (18 + (number >> 15)) + "." + (number & 0xFF) + ".";
        this.nodes = List.copyOf(nodes);
    }

    /** Makes a network for each node; skips the test where that is not allowed. */
    static NodeNetworks of(String... nodes) throws Exception {
        NodeNetworks networks = new NodeNetworks(List.of(nodes));
        assumeTrue(
                "root".equals(System.getProperty("user.name")) && succeeds("ip", "netns", "add", networks.name),
                "SKIPPED: network namespaces need root and the command ip");
        try {
            run("ip", "netns", "del", networks.name);
            networks.make();
        } catch (Exception | AssertionError e) {
            networks.close();
            throw e;
        }
        return networks;
    }

    private void make() throws Exception {
        run("ip", "link", "add", name, "type", "bridge");
        run("ip", "addr", "add", prefix + "254/24", "dev", name);
        run("ip", "link", "set", name, "up");
        for (String node : nodes) {
            String namespace = namespace(node);
            run("ip", "netns", "add", namespace);
            run("ip", "link", "add", namespace, "type", "veth", "peer", "name", "net", "netns", namespace);
            run("ip", "link", "set", namespace, "master", name, "up");
            inside(node, "addr", "add", host(node) + "/24", "dev", "net");
            inside(node, "link", "set", "net", "up");
            inside(node, "link", "set", "lo", "up");
        }
    }

    private String namespace(String node) {
        return name + "-" + node;
    }

    /** Returns the address of a node. */
    String host(String node) {
        return prefix + (nodes.indexOf(node) + 1);
    }

    /** Returns what to put before a command so that it runs in the network of a node. */
    List<String> launcher(String node) {
        return List.of("ip", "netns", "exec", namespace(node));
    }

    /** Loses from now on what one node sends to another. */
    void cut(String from, String to) throws Exception {
        cuts.add(List.of(from, to));
        inside(from, "neigh", "replace", host(to), "lladdr", NOBODY, "dev", "net", "nud", "permanent");
    }

    /** Loses nothing any more. */
    void heal() throws Exception {
        for (List<String> cut : cuts) {
            inside(cut.get(0), "neigh", "del", host(cut.get(1)), "dev", "net");
        }
        cuts.clear();
    }

    private void inside(String node, String... command) throws Exception {
        List<String> all = new ArrayList<>(List.of("ip", "-n", namespace(node)));
        all.addAll(List.of(command));
        run(all.toArray(String[]::new));
    }

    /** Removes all of it, whatever was made; what runs in it goes on without a network. */
    @Override
    public void close() {
        try {
            for (String node : nodes) {
                // Each is tried: what was not made is not there.
                boolean unusedNamespace = succeeds("ip", "netns", "del", namespace(node));
                // The interface goes with the namespace, which goes when the last process in it has ended.
                boolean unusedLink = succeeds("ip", "link", "del", namespace(node));
            }
            boolean unusedBridge = succeeds("ip", "link", "del", name);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
