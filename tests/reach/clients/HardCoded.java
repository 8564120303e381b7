// Wiro's own addresses in Java, with java.net.http and its WebSocket: run, follow on the socket, poll, download.
import java.net.URI;
import java.net.http.*;
import java.util.concurrent.*;
import java.util.regex.*;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

class HardCoded {
    // Settings of its own, which exec does not know.
    static String set(String name, String otherwise) { return System.getenv().getOrDefault(name, otherwise); }
    static final String API = set("OWN_API", "https://api.wiro.ai/v1"), SOCKET = set("OWN_SOCKET", "wss://socket.wiro.ai/v1");
    static final HttpClient HTTP = HttpClient.newHttpClient();

    static String ask(String path, String json) throws Exception {
        String key = System.getenv("WIRO_API_KEY"), nonce = Long.toString(System.nanoTime());
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key.getBytes(), "HmacSHA256"));
        StringBuilder signature = new StringBuilder();
        for (byte one : mac.doFinal((System.getenv("WIRO_API_SECRET") + nonce).getBytes())) signature.append(String.format("%02x", one));
        HttpRequest request = HttpRequest.newBuilder(URI.create(API + path)).header("content-type", "application/json")
            .header("x-api-key", key).header("x-nonce", nonce).header("x-signature", signature.toString())
            .POST(HttpRequest.BodyPublishers.ofString(json)).build();
        return HTTP.send(request, HttpResponse.BodyHandlers.ofString()).body();
    }

    static String found(String pattern, String text) {
        Matcher matcher = Pattern.compile(pattern).matcher(text);
        if (!matcher.find()) throw new RuntimeException(text);
        return matcher.group(1);
    }

    public static void main(String[] args) throws Exception {
        String run = ask("/Run/moondream3-preview/caption", "{\"inputImage\": \"https://example.com/cat.png\"}");
        String token = found("\"socketaccesstoken\":\"([^\"]+)\"", run);
        CompletableFuture<String> end = new CompletableFuture<>();
        StringBuilder text = new StringBuilder();
        WebSocket socket = HTTP.newWebSocketBuilder().buildAsync(URI.create(SOCKET), new WebSocket.Listener() {
            public CompletionStage<?> onText(WebSocket one, CharSequence data, boolean last) {
                text.append(data);
                if (last) {
                    if (text.indexOf("\"task_postprocess_end\"") >= 0) end.complete("");
                    text.setLength(0);
                }
                one.request(1);
                return null;
            }
        }).join();
        socket.sendText("{\"type\": \"task_info\", \"tasktoken\": \"" + token + "\"}", true).join();
        end.get(60, TimeUnit.SECONDS);
        String url = found("\"url\":\"(https?:[^\"]+)\"", ask("/Task/Detail", "{\"tasktoken\": \"" + token + "\"}"));
        System.out.println(HTTP.send(HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString()).body());
        socket.abort();
    }
}
