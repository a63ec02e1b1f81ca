package io.nearkv.server.node;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.nearkv.cluster.ClusterLayout;
import io.nearkv.cluster.ClusterMember;
import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.server.config.ListenAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * The file that all nodes of a cluster share; {@code docs/cluster.md} has its members. Immutable.
 *
 * @param layout what the nodes agree on
 * @param places by the id of a node, where it answers beside what the layout says
 */
public record ClusterDocument(ClusterLayout layout, Map<String, Place> places) {
    private static final int FORMAT = 1;
    private static final int MAX_BYTES = 1 << 20;
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build();

    /**
     * Where a node answers over HTTP.
     *
     * @param http the REST API
     * @param ops health and metrics
     */
    public record Place(ListenAddress http, ListenAddress ops) {
        /** Checks that nothing is missing. */
        public Place {
            requireNonNull(http, "http");
            requireNonNull(ops, "ops");
        }
    }

    /** An account or a namespace as it stands in the file. */
    private record Named(@Nullable String id, @Nullable String name) {}

    /** A node as it stands in the file. */
    private record NodeLine(
            @Nullable String id,
            @Nullable String client,
            @Nullable String peer,
            @Nullable String raft,
            @Nullable String http,
            @Nullable String ops) {}

    /** The file. */
    private record Content(
            int format,
            @Nullable String cluster,
            @Nullable String environment,
            @Nullable Named account,
            @Nullable Named namespace,
            int partitions,
            int copies,
            // Left out where there is none, so that a version that knows no backups still reads the file.
            @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable
            String backup,

            @Nullable List<NodeLine> nodes) {}

    /** Makes the map read-only, and checks that it has each member. */
    public ClusterDocument {
        requireNonNull(layout, "layout");
        places = Map.copyOf(places);
        for (ClusterMember member : layout.members()) {
            if (!places.containsKey(member.id())) {
                throw new IllegalArgumentException("node '" + member.id() + "' has no addresses");
            }
        }
    }

    /**
     * Reads the file.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if it is none, {@link ErrorCode#NOT_FOUND} if there is no such file
     */
    public static ClusterDocument read(Path file) {
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw malformed(file, "it has more than " + MAX_BYTES + " bytes", null);
            }
            return of(MAPPER.readValue(Files.readAllBytes(file), Content.class));
        } catch (NoSuchFileException e) {
            throw new KvException(
                    ErrorCode.NOT_FOUND,
                    "cluster file '" + file + "' does not exist; 'nearkv cluster init' makes one",
                    e);
        } catch (IOException e) {
            throw new KvException(ErrorCode.INTERNAL, "cluster file '" + file + "' cannot be read: " + e, e);
        } catch (JacksonException e) {
            throw malformed(file, e.getOriginalMessage(), e);
        } catch (KvException | IllegalArgumentException | NullPointerException e) {
            throw malformed(file, String.valueOf(e.getMessage()), e);
        }
    }

    private static KvException malformed(Path file, String why, @Nullable Throwable cause) {
        return new KvException(
                ErrorCode.INVALID_REQUEST,
                "'" + file + "' is no cluster file: " + Key.display(why)
                        + " (expected: what 'nearkv cluster init' made)",
                cause);
    }

    private static ClusterDocument of(@Nullable Content content) {
        if (content == null || content.format() != FORMAT) {
            throw new IllegalArgumentException(
                    "format " + (content == null ? "null" : content.format()) + ", and this version reads " + FORMAT);
        }
        Named account = given(content.account(), "account");
        Named namespace = given(content.namespace(), "namespace");
        AccountId accountId = AccountId.parse(given(account.id(), "account.id"));
        List<ClusterMember> members = new ArrayList<>();
        Map<String, Place> places = new LinkedHashMap<>();
        for (NodeLine node : given(content.nodes(), "nodes")) {
            String id = given(node.id(), "nodes.id");
            members.add(new ClusterMember(
                    id,
                    given(node.raft(), "nodes.raft"),
                    given(node.peer(), "nodes.peer"),
                    given(node.client(), "nodes.client")));
            places.put(
                    id,
                    new Place(
                            ListenAddress.parse(given(node.http(), "nodes.http")),
                            ListenAddress.parse(given(node.ops(), "nodes.ops"))));
        }
        return new ClusterDocument(
                new ClusterLayout(
                        UUID.fromString(given(content.cluster(), "cluster")),
                        given(content.environment(), "environment"),
                        new AccountInfo(accountId, given(account.name(), "account.name")),
                        new NamespaceInfo(
                                NamespaceId.parse(given(namespace.id(), "namespace.id")),
                                accountId,
                                given(namespace.name(), "namespace.name")),
                        members,
                        content.partitions(),
                        content.copies(),
                        content.backup()),
                places);
    }

    private static <T> T given(@Nullable T value, String what) {
        if (value == null) {
            throw new IllegalArgumentException("'" + what + "' is missing");
        }
        return value;
    }

    /**
     * Returns a copy with one more node.
     *
     * @throws IllegalArgumentException if it has the name or an address of another one
     */
    public ClusterDocument with(ClusterMember member, Place place) {
        List<ClusterMember> members = new ArrayList<>(layout.members());
        members.add(member);
        Map<String, Place> all = new LinkedHashMap<>(places);
        all.put(member.id(), place);
        return new ClusterDocument(layout.withMembers(members), all);
    }

    /** Returns the document of another cluster with the same nodes that begins with a backup of this one. */
    public ClusterDocument restored(UUID id, String checksum) {
        return new ClusterDocument(layout.restored(id, checksum), places);
    }

    /** Returns a copy without a node. */
    public ClusterDocument without(String id) {
        List<ClusterMember> members = new ArrayList<>(layout.members());
        members.removeIf(member -> member.id().equals(id));
        return new ClusterDocument(layout.withMembers(members), places);
    }

    /** Returns the addresses for clients, with commas between, as commands take them. */
    public String addresses() {
        return layout.members().stream()
                .map(member -> "kv://" + member.client())
                .collect(Collectors.joining(","));
    }

    /** Returns the content of the file: indented JSON. */
    public String toJson() {
        List<NodeLine> nodes = new ArrayList<>();
        for (ClusterMember member : layout.members()) {
            Place place = requireNonNull(places.get(member.id()));
            nodes.add(new NodeLine(
                    member.id(),
                    member.client(),
                    member.peer(),
                    member.raft(),
                    place.http().toString(),
                    place.ops().toString()));
        }
        return MAPPER.writeValueAsString(new Content(
                        FORMAT,
                        layout.cluster().toString(),
                        layout.environment(),
                        new Named(
                                layout.account().id().toString(),
                                layout.account().name()),
                        new Named(
                                layout.namespace().id().toString(),
                                layout.namespace().title()),
                        layout.partitions(),
                        layout.copies(),
                        layout.backup(),
                        nodes))
                + "\n";
    }

    /**
     * Returns a node.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if there is none of this id
     */
    public ClusterMember member(@Nullable String id) {
        List<String> ids = new ArrayList<>();
        for (ClusterMember member : layout.members()) {
            if (member.id().equals(id)) {
                return member;
            }
            ids.add(member.id());
        }
        throw new KvException(
                ErrorCode.INVALID_REQUEST,
                (id == null ? "--node is missing" : "the cluster has no node '" + Key.display(id) + "'")
                        + " (expected: --node with one of " + String.join(", ", ids) + ")");
    }

    /** Returns where a node answers over HTTP. */
    public Place place(ClusterMember member) {
        return requireNonNull(places.get(member.id()));
    }
}
