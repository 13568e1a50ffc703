import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.knn.plugin.KNNPlugin;
import org.opensearch.index.mapper.MapperExtrasPlugin;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.Plugin;
import org.opensearch.transport.Netty4Plugin;
import org.opensearch.transport.TransportService;

/**
 * A node of OpenSearch for tests, on free ports of this machine. It needs no installation: its
 * modules are on the class path.
 *
 * <p>java -cp "lib/*:." SearchNode NAME FOLDER [HOST:PORT], the last of a node to join. Prints
 * "ready HTTP_PORT TRANSPORT_PORT" when it answers, and ends when its standard input does.
 */
final class SearchNode extends Node {
  private static final List<Class<? extends Plugin>> MODULES =
      List.of(Netty4Plugin.class, MapperExtrasPlugin.class, KNNPlugin.class);

  private SearchNode(Environment environment) {
    super(environment, MODULES, false);
  }

  private static Settings settings(String name, Path folder, String leader) {
    Settings.Builder settings =
        Settings.builder()
            .put("cluster.name", "oko-tests")
            .put("node.name", name)
            .put("path.home", folder.toString())
            .put("network.host", "127.0.0.1")
            .put("http.port", "0")
            .put("transport.port", "0")
            .put("http.type", "netty4")
            .put("transport.type", "netty4")
            // The disk of a test machine may be nearly full.
            .put("cluster.routing.allocation.disk.threshold_enabled", false);
    if (leader == null) {
      settings.putList("cluster.initial_cluster_manager_nodes", name);
      settings.putList("discovery.seed_hosts");
    } else {
      settings.putList("discovery.seed_hosts", leader);
    }
    return settings.build();
  }

  public static void main(String[] arguments) throws Exception {
    String name = arguments[0];
    Path folder = Path.of(arguments[1]).toAbsolutePath();
    Path config = Files.createDirectories(folder.resolve("config"));
    String leader = arguments.length > 2 ? arguments[2] : null;
    Environment environment =
        InternalSettingsPreparer.prepareEnvironment(
            settings(name, folder, leader), Map.of(), config, () -> name);
    SearchNode node = new SearchNode(environment);
    node.start();
    int http =
        node.injector()
            .getInstance(HttpServerTransport.class)
            .boundAddress()
            .publishAddress()
            .getPort();
    int transport =
        node.injector()
            .getInstance(TransportService.class)
            .boundAddress()
            .publishAddress()
            .getPort();
    System.out.println("ready " + http + " " + transport);
    System.out.flush();
    while (System.in.read() >= 0) {}
    Runtime.getRuntime().halt(0);
  }
}
