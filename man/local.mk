# filled in as its files arrive
