package io.nearkv.cluster;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.rocksdb.ReplicaStore;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import io.nearkv.core.rocksdb.WorkProgress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.apache.ratis.server.protocol.TermIndex;
import org.jspecify.annotations.Nullable;

/**
 * What the logs of a cluster begin with that is restored from a backup. A node that begins it makes a snapshot for each log that it begins with others, before it notes that it does: so whoever has
 * begun has what it began with, and all have the same. The log takes the snapshot up when it starts for the first time, and goes on after its last entry, so that a node that comes later gets a
 * snapshot too.
 */
final class Beginning {
    private final ClusterLayout layout;
    private final ClusterMember self;
    private final Disk disk;
    private final @Nullable Path backups;
    private final RocksStoreOptions storeOptions;

    Beginning(
            ClusterLayout layout,
            ClusterMember self,
            Disk disk,
            @Nullable Path backups,
            RocksStoreOptions storeOptions) {
        this.layout = layout;
        this.self = self;
        this.disk = disk;
        this.backups = backups;
        this.storeOptions = storeOptions;
    }

    /**
     * Makes the snapshots that this node's logs begin with. Blocks for as long as it takes to copy the data.
     *
     * @param founders with whom this node begins, none if it joins
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if nobody says where the backup is, otherwise as {@link ReplicaStore#restore}
     */
    void prepare(List<ClusterView.Member> founders) throws IOException {
        String checksum = layout.backup();
        SnapshotStorage.delete(disk.beginnings()); // of a start that was cut short
        if (checksum == null || !isIn(founders)) {
            return;
        }
        if (backups == null) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "the cluster begins with a backup (expected: 'nearkv serve' with --restore and the folder of it)");
        }
        ClusterBackups from = new ClusterBackups(backups);
        ClusterBackups.Backup backup = from.find(checksum);
        Set<NamespaceId> namespaces = null;
        for (int number = 0; number < layout.logs(); number++) {
            if (isIn(layout.founders(number, founders))) {
                namespaces = restore(from, backup, number, namespaces);
            }
        }
    }

    private boolean isIn(List<ClusterView.Member> members) {
        return members.stream().anyMatch(member -> member.node().equals(self.id()));
    }

    /** Returns the namespaces that there are, which log 0 says. */
    private Set<NamespaceId> restore(
            ClusterBackups from, ClusterBackups.Backup backup, int number, @Nullable Set<NamespaceId> namespaces)
            throws IOException {
        Path made = disk.beginnings().resolve("making");
        Path target = disk.beginning(number);
        Files.createDirectories(target);
        ReplicaStore.Restored restored = ReplicaStore.restore(
                from.log(number),
                backup.logs().get(number).backup(),
                made,
                disk.beginnings().resolve("scratch"),
                storeOptions,
                layout.lineage(),
                namespaces,
                WorkProgress.NONE);
        TermIndex at = TermIndex.valueOf(restored.at().term(), restored.at().index());
        Files.move(made, target.resolve(SnapshotStorage.name(at)));
        SnapshotStorage.sync(target);
        SnapshotStorage.sync(disk.beginnings());
        return namespaces == null ? restored.namespaces() : namespaces;
    }
}
