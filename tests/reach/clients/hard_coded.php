<?php
// Wiro's own addresses in PHP: `hard_coded.php curl|streams`. curl goes through a proxy by the environment; streams have to be told.
define("API", getenv("OWN_API") ?: "https://api.wiro.ai/v1");  // a setting of its own, which exec does not know
$key = getenv("WIRO_API_KEY");
$secret = getenv("WIRO_API_SECRET");

function by_curl(string $url, array $headers, ?string $body): string {
    $curl = curl_init($url);
    curl_setopt_array($curl, [CURLOPT_RETURNTRANSFER => true, CURLOPT_HTTPHEADER => $headers]);
    if ($body !== null) curl_setopt($curl, CURLOPT_POSTFIELDS, $body);
    $answer = curl_exec($curl);
    if ($answer === false) throw new Exception(curl_error($curl));
    return $answer;
}

function by_streams(string $url, array $headers, ?string $body): string {
    $proxy = getenv("OWN_API") ? null : str_replace("http://", "tcp://", getenv("HTTPS_PROXY"));
    $http = ["method" => $body === null ? "GET" : "POST", "header" => $headers, "content" => $body ?? ""] + ($proxy ? ["proxy" => $proxy] : []);
    $answer = file_get_contents($url, false, stream_context_create(["http" => $http]));
    if ($answer === false) throw new Exception("no answer");
    return $answer;
}

$by = $argv[1] === "curl" ? "by_curl" : "by_streams";
$ask = function (string $path, array $fields) use ($by, $key, $secret): array {
    $nonce = (string) hrtime(true);
    $signature = hash_hmac("sha256", $secret . $nonce, $key);
    $headers = ["content-type: application/json", "x-api-key: $key", "x-nonce: $nonce", "x-signature: $signature"];
    return json_decode($by(API . $path, $headers, json_encode($fields)), true);
};
$run = $ask("/Run/moondream3-preview/caption", ["inputImage" => "https://example.com/cat.png"]);
for ($try = 0; $try < 20; $try++) {
    $task = $ask("/Task/Detail", ["tasktoken" => $run["socketaccesstoken"]])["tasklist"][0];
    if ($task["status"] === "task_postprocess_end") {
        echo $by($task["outputs"][0]["url"], [], null);
        exit(0);
    }
    sleep(1);
}
exit(1);
