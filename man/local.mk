dist_man_MANS += %D%/peruserd.8 %D%/peruserctl.8
