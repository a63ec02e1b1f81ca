import io.nearkv.core.Kv;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.Origin;
import io.nearkv.edge.EdgeCache;
import io.nearkv.net.client.KvClient;
import java.nio.file.Files;
import java.nio.file.Path;

/** A user's program: {@code Consumer SERVER TOKEN-FILE}. Writes, reads until its near cache answers, and says whether it carries the engine. */
public final class Consumer {
    public static void main(String[] args) throws Exception {
        String token = Files.readString(Path.of(args[1])).strip();
        try (Kv kv = EdgeCache.over(KvClient.connect(args[0], token))) {
            KvNamespace namespace = kv.namespace("default");
            namespace.put("consumer", "works");
            while (namespace.get("consumer").origin().source() != Origin.Source.MEMORY) {
                Thread.sleep(10);
            }
            System.out.println(namespace.getString("consumer").orElseThrow());
        }
        System.out.println("engine " + (Consumer.class.getResource("/org/rocksdb/RocksDB.class") != null));
    }
}
