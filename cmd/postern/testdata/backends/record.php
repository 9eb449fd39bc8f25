<?php
// Answers each request with what PHP reads in it: php -S ADDRESS record.php.

function at(mixed $from, string $name): mixed
{
    return is_array($from) ? $from[$name] ?? null : null;
}

$raw = file_get_contents('php://input');
$areas = ['path', 'query', 'header', 'cookie', 'json', 'form', 'public', 'forward', 'admin'];
$paths = [
    rawurldecode((string) parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)),
    $_SERVER['SCRIPT_NAME'],
    $_SERVER['PHP_SELF'],
];
$segments = array_map(fn ($path) => explode('/', $path), $paths);
parse_str($_SERVER['QUERY_STRING'] ?? '', $query);

header('Content-Type: application/json');
echo json_encode([
    'method' => $_SERVER['REQUEST_METHOD'],
    'areas' => array_map(fn ($s) => in_array($s[1] ?? '', $areas, true) ? $s[1] : null, $segments),
    'checked' => $_SERVER['HTTP_X_CHECKED'] ?? null,
    'identity' => [$_SERVER['HTTP_X_CUSTOMER_ID'] ?? null],
    'customers' => [
        'path' => array_map(fn ($s) => $s[2] ?? null, $segments),
        'query' => [at($_GET, 'customer_id'), at($query, 'customer_id')],
        'header' => [$_SERVER['HTTP_X_CUSTOMER_HINT'] ?? null],
        'cookie' => [at($_COOKIE, 'customer_id')],
        'body' => [at($_POST, 'customer_id'), at(json_decode($raw, true), 'customer_id')],
    ],
    'credentials' => [
        $_SERVER['HTTP_AUTHORIZATION'] ?? null, $_SERVER['HTTP_PROXY_AUTHORIZATION'] ?? null, $_SERVER['HTTP_X_API_KEY'] ?? null,
        $_SERVER['PHP_AUTH_USER'] ?? null, at($_GET, 'token'), at($_COOKIE, 'session'),
    ],
], JSON_INVALID_UTF8_SUBSTITUTE);
