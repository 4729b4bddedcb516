<?php
/* What a visitor of bob's demo site sees: who ran this page, and where. */
$user = posix_getpwuid(posix_geteuid());
$group = posix_getgrgid(posix_getegid());
$rows = [
	'user' => ($user['name'] ?? '?') . ' (' . posix_geteuid() . ')',
	'group' => ($group['name'] ?? '?') . ' (' . posix_getegid() . ')',
	'pid' => (string)getmypid(),
	'root' => @readlink('/proc/self/root') ?: '/',
	'processes it sees' => implode(', ', array_filter(@scandir('/proc') ?: [], 'ctype_digit')),
	"alice's files" => @scandir('/var/lib/peruserd-demo/alice/public_html') === false ? 'not readable' : 'readable (!)',
];
?>
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>bob's site</title>
<link rel="stylesheet" href="/style.css">
<h1>bob's site</h1>
<p>A PHP page, without a chroot, as bob.</p>
<table>
<?php foreach ($rows as $name => $value): ?>
<tr><th><?= $name ?></th><td><?= htmlspecialchars($value) ?></td></tr>
<?php endforeach ?>
</table>
<p><a href="/cgi-bin/hello.pl">A CGI script in Perl</a></p>
<p><a href="http://alice.localhost:<?= (int)$_SERVER['SERVER_PORT'] ?>/">alice's site</a></p>
</html>
