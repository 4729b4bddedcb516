<?php
/* What a visitor of alice's demo site sees: who ran this page, and where. */
$user = posix_getpwuid(posix_geteuid());
$group = posix_getgrgid(posix_getegid());
$root = array_values(array_diff(scandir('/'), ['.', '..']));
$rows = [
	'user' => ($user['name'] ?? '?') . ' (' . posix_geteuid() . ')',
	'group' => ($group['name'] ?? '?') . ' (' . posix_getegid() . ')',
	'pid' => getmypid() . ' (in a process namespace of this pool alone, where the kernel allows)',
	'root' => '/ holds ' . implode(', ', $root),
	'script' => $_SERVER['SCRIPT_FILENAME'],
	'interpreter' => 'PHP ' . PHP_VERSION . ', ' . PHP_SAPI,
	'opcode cache' => function_exists('opcache_get_status') && @opcache_get_status(false) ? 'on' : 'off',
	'your address' => $_SERVER['REMOTE_ADDR'],
	'time' => date('r'),
];
?>
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>alice's site</title>
<link rel="stylesheet" href="/style.css">
<h1>alice's site</h1>
<p>A PHP page, in a chroot of alice's own.</p>
<table>
<?php foreach ($rows as $name => $value): ?>
<tr><th><?= $name ?></th><td><?= htmlspecialchars((string)$value) ?></td></tr>
<?php endforeach ?>
</table>
<?php if (isset($_FILES['file']) && $_FILES['file']['error'] === UPLOAD_ERR_OK): ?>
<p>You sent <?= htmlspecialchars($_FILES['file']['name']) ?>, <?= $_FILES['file']['size'] ?> bytes,
sha1 <?= sha1_file($_FILES['file']['tmp_name']) ?>.</p>
<?php endif ?>
<form method="post" enctype="multipart/form-data">
<input type="file" name="file"> <button>Upload</button>
</form>
<p><a href="http://bob.localhost:<?= (int)$_SERVER['SERVER_PORT'] ?>/">bob's site</a></p>
</html>
